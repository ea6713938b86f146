"""Products of matrices by the faster of two libraries: the same numbers, whichever it is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from latens.kernels import products


@pytest.fixture
def onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """oneDNN's products, whatever the CPU, and for matrices that tests can afford."""
    if not torch.backends.mkldnn.is_available():  # pragma: no cover  # a build of torch without it
        monkeypatch.setattr(products, "_onednn", lambda: _stand_in)
    else:
        monkeypatch.setattr(products, "_onednn", lambda: torch.ops.mkldnn._linear_pointwise.default)
    for name, bound in (("_WORTH", 1), ("_WORTH_CROSSED", 1 << 12), ("_WORTH_A_NODE", 1), ("_LARGE", 1), ("_WIDE", 8)):
        monkeypatch.setattr(products, name, bound)


def _stand_in(x: Tensor, weight: Tensor, bias: Tensor | None, then: str, *_: object) -> Tensor:  # pragma: no cover
    answer = functional.linear(x, weight, bias)
    return answer.relu() if then == "relu" else answer


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


class TestMultiply:
    @pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
    @pytest.mark.parametrize("shape", [(2, 3, 1), (16, 30, 7), (40, 10, 20), (8, 64, 90), (90, 64, 8), (1, 1, 1)])
    def test_gives_the_product(self, onednn, turned, shape):
        m, k, n = shape
        a, b = (x.T.contiguous().T if each else x for x, each in zip((drawn(m, k), drawn(k, n)), turned, strict=True))
        found = products.multiply(a, b, torch.empty(m, n))
        torch.testing.assert_close(found.double(), a.double() @ b.double(), rtol=1e-5, atol=1e-5)

    def test_fills_the_room_where_another_product_is_the_faster_one(self):
        room = torch.empty(2, 2)
        assert products.multiply(drawn(2, 3), drawn(3, 2), room) is room

    def test_keeps_float64(self, onednn):
        a, b = drawn(9, 9).double(), drawn(9, 9).double()
        assert torch.equal(products.multiply(a, b, torch.empty(9, 9, dtype=torch.float64)), a @ b)


class TestLinear:
    @pytest.mark.parametrize("rectified", [False, True])
    def test_is_a_layer(self, onednn, rectified):
        x, weight, bias = drawn(5, 16), drawn(32, 16), drawn(32)
        expected = functional.linear(x, weight, bias)
        found = products.linear(x, weight, bias, rectified)
        torch.testing.assert_close(found, expected.relu() if rectified else expected, rtol=1e-5, atol=1e-5)

    def test_a_row_is_answered_the_same_in_any_batch(self, onednn):
        x, weight, bias = drawn(300, 208), drawn(96, 208), drawn(96)
        whole = products.linear(x, weight, bias, rectified=True)
        for rows in (slice(0, 8), slice(3, 12), slice(100, 228), slice(150, 300)):
            assert torch.equal(products.linear(x[rows], weight, bias, rectified=True), whole[rows])


class TestLearningLinear:
    @pytest.mark.parametrize("biased", [True, False])
    @pytest.mark.parametrize("shape", [(7, 12), (5, 3, 12)])
    @pytest.mark.parametrize("turned", [False, True])
    def test_has_the_gradients_of_its_definition(self, onednn, biased, shape, turned):
        given = [drawn(*shape), drawn(12, 20).T if turned else drawn(20, 12), drawn(20) if biased else None]
        towards, found = drawn(*shape[:-1], 20), []
        for function in (functional.linear, products.learning_linear):
            leaves = [x.clone().requires_grad_() if x is not None else None for x in given]
            answer = function(*leaves)
            answer.backward(towards)
            found.append([answer.detach(), *(x.grad for x in leaves if x is not None)])
        for expected, ours in zip(*found, strict=True):
            torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)

    def test_only_what_is_asked_for_has_a_gradient(self, onednn):
        weight = drawn(4, 3).requires_grad_()
        x = drawn(2, 3)
        products.learning_linear(x, weight, None).sum().backward()
        assert x.grad is None
        torch.testing.assert_close(weight.grad, x.sum(0).expand(4, 3))

    def test_leaves_half_precision_to_its_definition(self, onednn):
        with torch.autocast("cpu", torch.bfloat16):
            assert products.learning_linear(drawn(2, 3), drawn(4, 3), None).dtype == torch.bfloat16

    def test_no_rows(self, onednn):
        assert products.learning_linear(drawn(0, 3), drawn(4, 3), None).shape == (0, 4)
