"""What every filter promises, and what each of them keeps."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from latens.errors import ConfigError, DivergedError
from latens.sampling import FILTERS, build_filters, chain, generate, pick, temperature, top_k, top_p
from latens.seeds import sequence_uniform

SOME = {
    "bias": {3: 1.5, 0: -2.0},
    "ban": [1, 4],
    "repetition_penalty": 1.7,
    "temperature": 0.6,
    "top_k": 4,
    "top_p": 0.7,
    "min_p": 0.2,
    "typical": 0.6,
}
OFF = {
    "bias": {},
    "ban": [],
    "repetition_penalty": 1,
    "temperature": 1,
    "top_k": 0,
    "top_p": 1,
    "min_p": 0,
    "typical": 1,
}
EXTREMES = {
    "bias": [{0: -1e9}],
    "ban": [[0, 1, 2, 3, 4, 5, 6]],
    "repetition_penalty": [1e-3, 1e3],
    "temperature": [0, 1e-320, 1e-30, 1e30, 1e308],
    "top_k": [1, 10**9],
    "top_p": [0, 1e-300, 1 - 1e-16],
    "min_p": [1e-300, 1],
    "typical": [0, 1e-300, 1 - 1e-16],
}
NONSENSE = {
    "bias": [{-1: 1.0}, {0: float("nan")}, {0: float("inf")}, {1.5: 1.0}],
    "ban": [[-1], [0.5], [True]],
    "repetition_penalty": [0, -1, float("nan"), float("inf")],
    "temperature": [-1, -1e-9, float("nan"), float("inf"), "hot"],
    "top_k": [-1, 1.5, "3", True],
    "top_p": [-0.1, 1.1, float("nan")],
    "min_p": [-0.1, 1.1, float("nan")],
    "typical": [-0.1, 1.1, float("nan")],
}


def some_logits(n: int = 5, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(n, 8, generator=torch.Generator().manual_seed(0)).mul_(2).to(dtype)


def some_seen(n: int = 5) -> torch.Tensor:
    return torch.rand(n, 8, generator=torch.Generator().manual_seed(1)) < 0.5


def kept(name: str, value: object, probabilities: list[float], dtype: torch.dtype = torch.float32) -> list[int]:
    """The ids that a filter leaves of a distribution."""
    return FILTERS[name](value)(torch.tensor([probabilities], dtype=dtype).log())[0].isfinite().nonzero()[:, 0].tolist()


@pytest.mark.parametrize("name", FILTERS)
class TestEveryFilter:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
    def test_keeps_shape_dtype_and_device(self, name, dtype):
        logits = some_logits(dtype=dtype)
        filtered = FILTERS[name](SOME[name])(logits, some_seen())
        assert (filtered.shape, filtered.dtype, filtered.device) == (logits.shape, dtype, logits.device)

    def test_calculates_where_the_logits_are(self, name):
        # On the meta device whatever was made elsewhere is an error, as it would be on a GPU; so is reading a number.
        logits, seen = torch.empty(4, 8, device="meta"), torch.empty(4, 8, device="meta", dtype=torch.bool)
        assert FILTERS[name](SOME[name])(logits, seen).device == logits.device

    def test_changes_something_and_not_its_argument(self, name):
        logits = some_logits()
        before = logits.clone()
        assert not torch.equal(FILTERS[name](SOME[name])(logits, some_seen()), before)
        assert torch.equal(logits, before)

    def test_leaves_an_item_at_the_ends_of_its_range(self, name):
        for value in EXTREMES[name]:
            for dtype in (torch.float32, torch.float64, torch.float16):
                filtered = FILTERS[name](value)(some_logits(dtype=dtype), some_seen())
                assert filtered.amax(dim=1).isfinite().all(), value

    def test_brings_nothing_back_that_was_removed(self, name):
        for value in (SOME[name], *EXTREMES[name]):
            logits = some_logits().index_fill(1, torch.tensor([2]), float("-inf"))
            filtered = FILTERS[name](value)(logits, some_seen())
            assert torch.equal(filtered[:, 2], logits[:, 2]), value

    def test_is_the_identity_when_off(self, name):
        assert torch.equal(FILTERS[name](OFF[name])(some_logits(), some_seen()), some_logits())
        assert torch.equal(build_filters(**{name: None})(some_logits(), some_seen()), some_logits())

    def test_a_row_alone_is_filtered_as_in_a_batch(self, name):
        filter_ = FILTERS[name](SOME[name])
        together = filter_(some_logits(), some_seen())
        assert torch.equal(filter_(some_logits()[3:4], some_seen()[3:4]), together[3:4])

    def test_is_one_of_the_settings(self, name):
        asked = build_filters(**{name: SOME[name]})(some_logits(), some_seen())
        assert torch.equal(asked, FILTERS[name](SOME[name])(some_logits(), some_seen()))

    @pytest.mark.parametrize("broken", [[float("nan")], [float("inf")], [float("-inf")] * 8])
    def test_broken_logits_are_refused_whatever_the_filter(self, name, broken):
        logits = some_logits()
        logits[3, : len(broken)] = torch.tensor(broken)
        with pytest.raises(DivergedError, match=r"logits of row 3, step 0: NaN, infinite or all -inf; use a model"):
            list(generate(lambda i, s: (logits, s), None, logits, max_new=2, filters=FILTERS[name](SOME[name])))

    def test_refuses_nonsense(self, name):
        for value in NONSENSE[name]:
            with pytest.raises(ConfigError, match=rf"{name}=.* is out of range; use a .* number"):
                FILTERS[name](value)

    def test_draws_follow_what_it_leaves(self, name):
        logits = some_logits()[:1]
        filtered = FILTERS[name](SOME[name])(logits, some_seen()[:1])
        draws = sequence_uniform(3, torch.arange(100_000), range(1))[:, 0]
        expected = filtered[0].double().softmax(0) * len(draws)
        counts = pick(filtered.expand(len(draws), -1), draws).bincount(minlength=8)
        possible = expected > 0
        assert not counts[~possible].any()
        assert stats.chisquare(counts[possible], expected[possible]).pvalue > 0.001


class TestWhatIsKept:
    """The vectors are published with the definitions; the bounds are met in every precision."""

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize(
        ("name", "value", "probabilities", "ids"),
        [
            ("top_p", 0.8, [0.3, 0.1, 0.1, 0.5], [0, 3]),
            ("top_p", 0.8, [0.15, 0.3, 0.3, 0.25], [1, 2, 3]),
            ("top_p", 0, [0.1, 0.45, 0.45], [1]),
            ("top_p", 0.5, [0.25, 0.25, 0.25, 0.25], [0, 1]),
            ("min_p", 0.05, [0.9, 0.0274, 0.047, 0.0274], [0, 2]),
            ("min_p", 0.5, [0.5, 0.25, 0.25], [0, 1, 2]),
            ("min_p", 1, [0.2, 0.4, 0.4], [1, 2]),
            ("typical", 0.5, [0.97, 0.01, 0.01, 0.01], [0]),
            ("typical", 0.5, [0.4, 0.2, 0.2, 0.2], [1, 2, 3]),
            ("typical", 0, [0.4, 0.2, 0.2, 0.2], [1]),
            ("top_k", 2, [0.25, 0.25, 0.25, 0.25], [0, 1]),
            ("temperature", 0, [0.2, 0.4, 0.4], [1]),
        ],
    )
    def test_of_a_distribution(self, name, value, probabilities, ids, dtype):
        assert kept(name, value, probabilities, dtype) == ids

    def test_top_k_of_ten(self):
        assert top_k(3)(torch.arange(10.0)[None])[0].isfinite().nonzero()[:, 0].tolist() == [7, 8, 9]
        assert torch.equal(top_k(None)(torch.arange(10.0)[None]), torch.arange(10.0)[None])

    def test_top_k_is_exact_among_many_ties(self):
        logits = torch.tensor([[1.0, 0.0, 1.0, 1.0, 2.0, 1.0], [0.0] * 6])
        assert top_k(3)(logits).isfinite().nonzero().tolist() == [[0, 0], [0, 2], [0, 4], [1, 0], [1, 1], [1, 2]]

    def test_repetition_penalty_moves_what_was_seen_away(self):
        seen = torch.tensor([[True, True, False, False]])
        penalised = FILTERS["repetition_penalty"](2.0)(torch.tensor([[-0.1, 0.1, -0.1, 0.1]]), seen)
        assert torch.allclose(penalised, torch.tensor([[-0.2, 0.05, -0.1, 0.1]]))
        assert torch.equal(FILTERS["repetition_penalty"](2.0)(some_logits()), some_logits())

    def test_temperature_divides(self):
        sharper = temperature(0.5)(some_logits()).log_softmax(1)
        assert torch.allclose(sharper, (some_logits() / 0.5).log_softmax(1), atol=1e-6)

    def test_bias_adds_and_bans_remove(self):
        assert FILTERS["bias"]({2: 1, 0: -1.5})(torch.zeros(2, 3)).tolist() == [[-1.5, 0.0, 1.0]] * 2
        assert FILTERS["ban"]({2})(torch.zeros(1, 3)).isfinite().tolist() == [[True, True, False]]

    @pytest.mark.parametrize(("name", "value"), [("bias", {8: 1.0}), ("ban", [0, 8])])
    def test_an_id_beyond_the_vocabulary_is_refused(self, name, value):
        with pytest.raises(ConfigError, match=rf"{name}=8 is beyond the 8 items; use ids from 0 to 7"):
            FILTERS[name](value)(some_logits())


class TestTogether:
    def test_apply_in_the_documented_order_whatever_the_order_of_the_settings(self):
        settings = SOME | {"top_k": 5}
        in_order = chain(*(FILTERS[name](settings[name]) for name in FILTERS))(some_logits(), some_seen())
        backwards = build_filters(**dict(reversed(settings.items())))(some_logits(), some_seen())
        assert torch.equal(in_order, backwards)
        assert list(FILTERS) == list(SOME)

    def test_bans_come_before_the_choice_of_the_likeliest(self):
        logits = torch.tensor([[1.0, 3.0, 2.0]])
        assert build_filters(temperature=0, ban=[1])(logits)[0].isfinite().tolist() == [False, False, True]

    def test_temperature_zero_goes_with_all_others(self):
        greedy = build_filters(temperature=0, top_k=3, top_p=0.9, min_p=0.1, typical=0.9)(some_logits())
        assert torch.equal(greedy.argmax(1), some_logits().argmax(1))
        assert (greedy.isfinite().sum(1) == 1).all()

    def test_temperature_comes_before_the_nucleus(self):
        logits = torch.tensor([[0.4, 0.3, 0.3]]).log()
        assert chain(temperature(0.1), top_p(0.5))(logits).isfinite().sum() == 1

    def test_an_unknown_name_says_the_way_out(self):
        with pytest.raises(ConfigError, match=r"filter='topk' is not known; did you mean 'top_k'\?"):
            build_filters(topk=3)
