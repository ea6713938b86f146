"""The convolutional autoencoder: learns from patches, answers for images of any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from latens.analysis import Referee, principal_components
from latens.data import Source
from latens.data.batches import SampleData, TrainingData
from latens.data.patches import Patches, covering_patches, random_patches, resident_pixels
from latens.data.splits import Rows
from latens.devices import resolve_device
from latens.errors import ConfigError, DataError, choice, setting, whole
from latens.estimators.encoding import SampleEncoder
from latens.estimators.inference import Applied, AppliedToImages, floating, mean_squares
from latens.estimators.reconstruction import Reconstructor, some_rows
from latens.estimators.sizes import block_style, code_size, dense_widths, output_of, whole_widths
from latens.models.tasks import Task
from latens.schema import Schema, Summary

__all__ = ["ConvAutoencoder"]

# Side of a patch and blocks of a network, where the user says "auto".
_PATCH = 64
_BLOCKS = {"convolutional": [16, 16, 16], "dense": [32, 32, 16]}
# What one number for all pixels can do: an image of another size has other pixels.
_SCALINGS = ("auto", "range", "unit", "none")
# Pixels of images that are judged side by side.
_JUDGED_PIXELS = 1 << 20


class ConvAutoencoder(SampleEncoder, Reconstructor):
    r"""An autoencoder of images whose decoder, and if wanted encoder, is convolutional.

    .. math:: \hat{x} = g(f(\tilde{x})), \qquad \ell = \mathrm{MSE}(\hat{x}, x)

    With ``encoder="convolutional"`` nothing is pooled, so that height and width never change: it learns from patches
    and takes images of any size. Its code is a map as large as the image. With ``encoder="dense"`` the images have one
    size and the code is a vector, from which convolutions lead back to the image.

    Args:
        n_components: Channels of the code map, or numbers in the code of a dense encoder; ``"auto"`` is as many as the
            last hidden channels, and for a dense encoder min(32, ⌈D/2⌉), or 2D where it is wide.
        hidden: Channels of the convolutional blocks: of the encoder, mirrored in the decoder, or of a dense encoder's
            decoder from its smallest maps on; ``"auto"`` is 16, 16, 16 or 32, 32, 16.
        encoder: ``"convolutional"`` or ``"dense"``.
        decoder: ``"convolutional"``.
        encoder_hidden: Widths of a dense encoder: ``"taper"``, ``"wide"`` or a list, as `Autoencoder.hidden`.
        kernel_size: Of the convolutions, odd.
        dilation: Of each encoder block; ``"auto"`` is 1, k, k², … for a kernel of k pixels: the widest view without
            gaps.
        patch_size: Side of the squares to learn from; ``"auto"`` is 64. Images that are smaller are taken whole.
        patches_per_image: Squares of each image in an epoch; ``"auto"`` is as many as cover the mean image.
        activation: Between the layers: relu, gelu, leaky-relu, elu, silu, tanh, sigmoid or identity.
        code_activation: Of the code; None is linear.
        output: ``"auto"`` is sigmoid for data bounded in [0, 1] and linear otherwise.
        batch_norm: Whether the blocks normalise.
        dropout: Probability of losing a number after each block, in training.
        corruption: What is done to the input in training: an instance, ``"gaussian:0.5"``, or a function of the batch.
        loss_region: ``"all"``, or ``"hidden"``: the loss counts only what a corruption such as ``"block:0.25"`` hides.
        scaling: ``"auto"``, ``"range"``, ``"unit"`` or ``"none"``; with a dense encoder any of the schema's.
        max_epochs: Passes over the training images.
        batch_size: Patches (images, with a dense encoder) a step, at least 2.
        learning_rate: Of AdamW; the highest one if there is a schedule.
        weight_decay: Of AdamW.
        schedule: ``"constant"``, ``"cosine"`` or ``"one-cycle"``.
        clip_value: Bound on every number of the gradient, or None.
        clip_norm: Bound on the gradient's norm, or None.
        precision: ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"``.
        validation_fraction: Share of images held out, in [0, 1).
        early_stopping: Stop when the held-out loss has not improved for `patience` epochs, and keep the best weights.
        patience: Epochs.
        random_state: Seed of the split, the weights, the order, the patches and the noise.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        verbose: 0 for no progress bar.

    Raises:
        ConfigError: On `fit`: a setting that cannot work.
        DataError: On `fit`: a table, or images of different sizes for a dense encoder.

    Example:
        >>> import numpy as np
        >>> pages = [np.random.default_rng(0).uniform(size=(size, 40)) for size in (30, 33, 50)]
        >>> ae = ConvAutoencoder(hidden=[4], max_epochs=1, patch_size=16, verbose=0).fit(pages)
        >>> ae.transform(pages).shape, [page.shape for page in ae.reconstruct(pages)]
        ((3, 4), [(30, 40), (33, 40), (50, 40)])
    """

    def __init__(
        self,
        n_components: int | str = "auto",
        hidden: str | Sequence[int] = "auto",
        encoder: str = "convolutional",
        decoder: str = "convolutional",
        encoder_hidden: str | Sequence[int] = "taper",
        kernel_size: int = 3,
        dilation: str | int | Sequence[int] = "auto",
        patch_size: int | str = "auto",
        patches_per_image: int | str = "auto",
        activation: str = "relu",
        code_activation: str | None = None,
        output: str = "auto",
        batch_norm: bool = True,
        dropout: float = 0.0,
        corruption: Any = None,
        loss_region: str = "all",
        scaling: str = "auto",
        max_epochs: int = 20,
        batch_size: int = 8,
        learning_rate: float = 1e-2,
        weight_decay: float = 0.01,
        schedule: str = "one-cycle",
        clip_value: float | None = None,
        clip_norm: float | None = None,
        precision: str = "32-true",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        patience: int = 5,
        random_state: Any = 0,
        device: str = "auto",
        verbose: int = 1,
    ) -> None:
        self.n_components = n_components
        self.hidden, self.encoder_hidden, self.encoder, self.decoder = hidden, encoder_hidden, encoder, decoder
        self.kernel_size, self.dilation = kernel_size, dilation
        self.patch_size, self.patches_per_image = patch_size, patches_per_image
        self.activation, self.code_activation = activation, code_activation
        self.output, self.batch_norm, self.dropout = output, batch_norm, dropout
        self.corruption, self.loss_region, self.scaling = corruption, loss_region, scaling
        self.max_epochs, self.batch_size = max_epochs, batch_size
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.schedule = schedule
        self.clip_value, self.clip_norm = clip_value, clip_norm
        self.precision, self.device = precision, device
        self.validation_fraction = validation_fraction
        self.early_stopping, self.patience = early_stopping, patience
        self.random_state, self.verbose = random_state, verbose

    # ---- the network -------------------------------------------------------------------------------------------

    def network_name(self) -> str:
        return "convolutional" if self._any_size() else "asymmetric"

    def network_config(self, schema: Schema) -> dict[str, Any]:
        choice("decoder", self.decoder, ("convolutional",))
        own = self._convolutional_config(schema) if self._any_size() else self._asymmetric_config(schema)
        return own | {
            "kernel_size": self.kernel_size,
            "block": block_style(self),
            "code_activation": self.code_activation,
            "output": output_of(self.output, schema),
            "corruption": Task.of(self.corruption, self.loss_region),
        }

    def _convolutional_config(self, schema: Schema) -> dict[str, Any]:
        blocks = self._blocks()
        code = blocks[-1] if self.n_components == "auto" else code_size(self.n_components, schema.n_features)
        return {"widths": [schema.n_features, *blocks, code], "dilations": self._dilations(len(blocks))}

    def _asymmetric_config(self, schema: Schema) -> dict[str, Any]:
        features = schema.n_features
        code = code_size(self.n_components, features, wide=str(self.encoder_hidden) == "wide")
        widths = dense_widths(self.encoder_hidden, features, code)
        return {"shape": list(schema.shape), "encoder": [features, *widths, code], "decoder": self._blocks()}

    def _blocks(self) -> list[int]:
        if isinstance(self.hidden, str):
            choice("hidden", self.hidden, ("auto",))
            return _BLOCKS[self.encoder]
        widths = whole_widths(self.hidden, 'use "auto" or a list such as [16, 16]')
        if not widths:
            raise ConfigError("hidden=[] leaves no convolutional block; use at least one number of channels")
        return widths

    def _dilations(self, blocks: int) -> list[int]:
        if isinstance(self.dilation, str):
            choice("dilation", self.dilation, ("auto",))
            return [int(self.kernel_size) ** number for number in range(blocks)]
        if isinstance(self.dilation, (list, tuple, np.ndarray)):
            return [whole("dilation", step, at_least=1) for step in self.dilation]
        return [whole("dilation", self.dilation, at_least=1)] * blocks

    def _any_size(self) -> bool:
        return choice("encoder", self.encoder, ("convolutional", "dense")) == "convolutional"

    def _applied(self, network: torch.nn.Module) -> Applied:
        return (AppliedToImages if self._any_size() else Applied)(network, resolve_device(self.device))

    # ---- the data ----------------------------------------------------------------------------------------------

    def _sized(self, source: Source) -> Source:
        if source.kind != "images":
            raise DataError(
                f"{source.name}: a table of {source.n_features} columns has no height and width; "
                "use X.reshape(len(X), height, width), or Autoencoder"
            )
        one = f'encoder="dense" needs one size: resize them, or use {setting("encoder", "convolutional")}'
        return source if self._any_size() else source.one_size(one)

    def _scaling(self) -> str:
        return choice("scaling", self.scaling, _SCALINGS) if self._any_size() else self.scaling

    def _learn_schema(self, source: Source, summary: Summary) -> Schema:
        schema = super()._learn_schema(source, summary)
        return replace(schema, shape=(None, None, *schema.shape[2:])) if self._any_size() else schema

    def _training_data(self, source: Source, clean: Source | None, rows: tuple[Rows, Rows], seed: int) -> SampleData:
        if not self._any_size():
            return super()._training_data(source, clean, rows, seed)
        device = resolve_device(self.device)
        x, layout = resident_pixels(source, self.schema_, device)
        target = x if clean is None else resident_pixels(clean, self.schema_, device)[0]
        side = _PATCH if self.patch_size == "auto" else whole("patch_size", self.patch_size, at_least=1)
        each = self.patches_per_image
        per_image = None if each == "auto" else whole("patches_per_image", each, at_least=1)
        size = whole("batch_size", self.batch_size, at_least=2)
        pixels = (x, target, layout)
        learned, held_out = (np.asarray(part[:]) for part in rows)
        return TrainingData(
            random_patches(pixels, learned, side, per_image, size, seed),
            covering_patches(pixels, held_out, side, size, seed),
        )

    def _judge(self, data: SampleData) -> None:
        """Beside PCA of the pixels: a code map is to an image what a pixel's code is to the pixel."""
        train, held_out = data.train, data.validation
        if not (isinstance(train, Patches) and isinstance(held_out, Patches)):
            return super()._judge(data)
        judged = held_out if len(held_out) else train
        errors = np.concatenate([self._image_errors(judged, part) for part in _of_one_size(judged)])
        features, pca_error = self.schema_.n_features, 0.0
        if self.n_components_ < features:
            learned, others = (_pixels(part, features) for part in (train, judged))
            pca_error = float(principal_components(learned, self.n_components_).errors(others).mean())
        rows = "held-out" if len(held_out) else "training"
        self.referee_ = Referee(self.n_components_, pca_error, float(np.mean(errors)), rows, len(errors), features)

    def _image_errors(self, patches: Patches, numbers: np.ndarray) -> np.ndarray:  # (m,) int64 -> (m,)
        """The mean squared error of each of some images of one size."""
        images = ([patches.layout.image(each, number) for number in numbers] for each in (patches.x, patches.target))
        x, target = (torch.stack(part).cpu().numpy() for part in images)
        return mean_squares(self.network_.reconstruct(x) - target)

    # ---- answers -----------------------------------------------------------------------------------------------

    def transform(self, X: Any) -> np.ndarray:
        """The codes, (n, n_components): of a convolutional encoder the code map's mean over the image."""
        return np.concatenate(self._each(X, self._codes))

    def inverse_transform(self, Z: Any) -> Any:
        """Codes (n, n_components) back in the input's units and shape; only with a dense encoder.

        Raises:
            ConfigError: The encoder is convolutional: its code is a map, and `transform` gives the map's mean.
        """
        check_is_fitted(self)
        if self._any_size():
            raise ConfigError(
                "inverse_transform: a convolutional encoder's codes are averaged over the image, for good; "
                'use reconstruct(X), or ConvAutoencoder(encoder="dense") for images of one size'
            )
        return super().inverse_transform(Z)

    def reconstruct(self, X: Any) -> Any:
        """What the network makes of X, in its units and shape: a list of arrays for images of different sizes."""
        return self._joined(X, self._reconstructed)

    def residuals(self, X: Any) -> Any:
        """X minus its reconstruction, in the units and shape of X: a list of arrays for images of different sizes."""
        return self._joined(X, lambda values: floating(values) - self._reconstructed(values))

    def reconstruction_error(self, X: Any) -> np.ndarray:
        """Mean squared residual of each image, (n,) float64, in squared units of X."""
        residuals = self._each(X, lambda values: floating(values) - self._reconstructed(values))
        return np.concatenate([mean_squares(part) for part in residuals])

    def _codes(self, values: np.ndarray) -> np.ndarray:  # (m, h, w[, c]) -> (m, n)
        return self.network_.encode(self.schema_.scale_values(values))

    def _reconstructed(self, values: np.ndarray) -> np.ndarray:  # (m, h, w[, c]) -> the same
        return self.schema_.unscale_values(self.network_.reconstruct(self.schema_.scale_values(values)))

    def _each(self, X: Any, answer: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
        """The answer for images of one size, or one by one for images of different sizes."""
        source = self._applied_source(X)
        if source.ragged:
            return [answer(image[None]) for image in source.values]
        parts = some_rows(source) if source.streamed else (source,)
        return [np.concatenate([answer(part.values) for part in parts])]

    def _joined(self, X: Any, answer: Callable[[np.ndarray], np.ndarray]) -> Any:
        source = self._applied_source(X)
        answers = self._each(source, answer)
        return [image[0] for image in answers] if source.ragged else answers[0]


def _of_one_size(patches: Patches) -> Iterator[np.ndarray]:
    """The images' numbers, in parts of one size that fit into memory side by side."""
    sizes = patches.layout.sizes[torch.from_numpy(patches.images)].cpu().numpy()
    kinds, kind = np.unique(sizes, axis=0, return_inverse=True)
    for number, (height, width) in enumerate(kinds):
        same = patches.images[kind.ravel() == number]
        yield from np.array_split(same, math.ceil(len(same) * height * width / _JUDGED_PIXELS))


def _pixels(patches: Patches, features: int) -> np.ndarray:  # -> (pixels, features)
    images = [patches.layout.image(patches.x, number).reshape(-1, features) for number in patches.images.tolist()]
    return torch.cat(images).cpu().numpy()
