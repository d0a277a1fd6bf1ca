"""The short-time Fourier transform with its inverse."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.padding import pad
from fnn.ops._document import op
from fnn.ops._operands import COMPLEX, FLOATING, array, narrow_to
from fnn.ops._promote import kind_of
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = ["istft", "stft"]


def _frame(
    where: str, n_fft: int, hop_length: int | None, win_length: int | None, window: ArrayLike | None, x: jax.Array
) -> tuple[int, jax.Array]:
    """The hop, and the window, padded on both sides to n_fft."""
    hop = n_fft // 4 if hop_length is None else hop_length
    size = n_fft if win_length is None else win_length
    if hop <= 0:
        raise ArgumentError(f"{where}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < size <= n_fft:
        raise ArgumentError(f"{where}: expected 0 < win_length <= n_fft, but got win_length={size}, n_fft={n_fft}")
    w = jnp.ones(size, jnp.finfo(x.dtype).dtype) if window is None else array(window, where, "window")
    if w.shape != (size,):
        raise ArgumentError(
            f"{where}: expected a 1D window tensor of size equal to win_length={size}, but got window "
            f"with size {list(w.shape)}"
        )
    left = (n_fft - size) // 2
    return hop, jnp.pad(w, (left, n_fft - size - left))


@op(
    input="(L,) or (B, L): signals, floating or complex.",
    n_fft="the number of points of each frame's transform.",
    hop_length="the distance of frames; None: a quarter of ``n_fft``.",
    win_length="the size of the window; None: ``n_fft``.",
    window="(win_length,); None: 1.",
    center="whether the signal is padded so that frame t is centred at ``t * hop_length``.",
    pad_mode="how it is padded then.",
    normalized="whether the result is divided by the square root of ``n_fft``.",
    onesided="whether only half of the frequencies is returned; None: for real signals and windows.",
    return_complex="whether the result is complex; else real and imaginary parts are a last dimension.",
    align_to_window="whether frame t begins at the window's begin, with ``center=False`` only; None: no.",
)
def stft(
    input: ArrayLike, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
    window: ArrayLike | None = None, center: bool = True, pad_mode: str = "reflect", normalized: bool = False,
    onesided: bool | None = None, return_complex: bool | None = None, align_to_window: bool | None = None,
) -> jax.Array:  # fmt: skip
    """The Fourier transforms of overlapping frames of a signal.

    Returns:
        (B, frequencies, frames), complex; without B for one signal.

    Raises:
        ArgumentError: ``return_complex`` is needed for real signals and windows, as in PyTorch.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.stft(jnp.ones(16), 8, window=fnn.hann_window(8), return_complex=True).shape
        (5, 9)
    """
    x = array(input, "stft")
    if kind_of(x.dtype) < FLOATING:
        raise ArgumentTypeError(f"stft: expected a tensor of floating point or complex values, got {x.dtype}")
    if x.ndim not in (1, 2):
        raise ArgumentError(f"stft: expected a 1D or 2D tensor, got shape {list(x.shape)}")
    single = x.ndim == 1
    x = x[None] if single else x
    hop, w = _frame("stft", n_fft, hop_length, win_length, window, x)
    is_complex = kind_of(x.dtype) == COMPLEX or kind_of(w.dtype) == COMPLEX
    if return_complex is None and not is_complex:
        raise ArgumentError(
            "stft requires the return_complex parameter be given for real inputs; pass return_complex=True"
        )
    if align_to_window is not None and center:
        raise ArgumentError("stft: align_to_window should only be set when center = false.")
    if onesided and is_complex:
        raise ArgumentError("Cannot have onesided output if window or input is complex")
    if center:
        x = pad(x[:, None] if pad_mode != "constant" else x, (n_fft // 2, n_fft // 2), mode=pad_mode).reshape(
            x.shape[0], -1
        )
    elif align_to_window:
        outside = (n_fft - (n_fft if win_length is None else win_length)) // 2
        x = jnp.pad(x, ((0, 0), (outside, outside)))
    if not 0 < n_fft <= x.shape[1]:
        raise ArgumentError(f"stft: expected 0 < n_fft <= {x.shape[1]}, but got n_fft={n_fft}")
    starts = np.arange(0, x.shape[1] - n_fft + 1, hop)
    frames = x[:, starts[:, None] + np.arange(n_fft)[None]] * w[None, None]  # (B, frames, n_fft)
    one = not is_complex if onesided is None else onesided
    spectrum = jnp.fft.rfft(frames) if one else jnp.fft.fft(frames)
    spectrum = jnp.swapaxes(spectrum, 1, 2)
    spectrum = spectrum / np.sqrt(n_fft).astype(jnp.finfo(spectrum.dtype).dtype) if normalized else spectrum
    spectrum = spectrum[0] if single else spectrum
    if return_complex is False:
        return jnp.stack([spectrum.real, spectrum.imag], -1)
    return spectrum


@op(
    input="(B, frequencies, frames) or (frequencies, frames), complex.",
    n_fft="the number of points of each frame's transform.",
    hop_length="the distance of frames; None: a quarter of ``n_fft``.",
    win_length="the size of the window; None: ``n_fft``.",
    window="(win_length,); None: 1.",
    center="whether frame t was centred at ``t * hop_length``.",
    normalized="whether the transform was divided by the square root of ``n_fft``.",
    onesided="whether only half of the frequencies is given; None: found by their number.",
    length="the number of points of the signal; None: as many as the frames determine.",
    return_complex="whether the signal is complex.",
)
def istft(
    input: ArrayLike, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
    window: ArrayLike | None = None, center: bool = True, normalized: bool = False, onesided: bool | None = None,
    length: int | None = None, return_complex: bool = False,
) -> jax.Array:  # fmt: skip
    """The signal of which `stft` gave the transforms: frames added up, divided by the sum of squared windows.

    Returns:
        (B, L), or (L,) for one signal.

    Raises:
        ArgumentError: the squared windows add up to 0 somewhere.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> window = fnn.hann_window(8)
        >>> spectrum = fnn.stft(jnp.ones(16), 8, window=window, return_complex=True)
        >>> fnn.istft(spectrum, 8, window=window).round(4)[:4]
        Array([1., 1., 1., 1.], dtype=float32)
    """
    x = array(input, "istft")
    if kind_of(x.dtype) != COMPLEX:
        raise ArgumentTypeError(
            f"istft requires a complex-valued input tensor matching the output from stft, got {x.dtype}"
        )
    if x.ndim not in (2, 3) or not x.size:
        raise ArgumentError(f"istft: expected a tensor with 2 or 3 dimensions and elements, got shape {list(x.shape)}")
    single = x.ndim == 2
    x = x[None] if single else x
    hop, w = _frame("istft", n_fft, hop_length, win_length, window, x)
    one = x.shape[1] != n_fft if onesided is None else onesided
    if x.shape[1] != (n_fft // 2 + 1 if one else n_fft):
        raise ArgumentError(
            f"istft: expected the frequency dimension to match n_fft={n_fft}, onesided={one}, but got {x.shape[1]}"
        )
    if return_complex and one:
        raise ArgumentError("cannot have onesided output if window or input is complex")
    if not return_complex and kind_of(w.dtype) == COMPLEX:
        raise ArgumentError("Complex windows are incompatible with return_complex=False")
    if hop > (n_fft if win_length is None else win_length):
        raise ArgumentError(f"istft: expected hop_length <= win_length, got hop_length={hop}, win_length={win_length}")
    frames = jnp.swapaxes(x, 1, 2)
    frames = frames * np.sqrt(n_fft).astype(jnp.finfo(x.dtype).dtype) if normalized else frames
    # Of a real signal the other half of the frequencies says nothing new: PyTorch does not look at it.
    frames = jnp.fft.ifft(frames) if return_complex else jnp.fft.irfft(frames[..., : n_fft // 2 + 1], n_fft)
    count = frames.shape[1]
    whole = n_fft + hop * (count - 1)
    places = (np.arange(count)[:, None] * hop + np.arange(n_fft)[None]).reshape(-1)
    added = jnp.zeros((x.shape[0], whole), jnp.promote_types(frames.dtype, w.dtype))
    added = added.at[:, places].add((frames * w[None, None]).reshape(x.shape[0], -1))
    squares = jnp.zeros(whole, w.dtype).at[places].add(jnp.broadcast_to(w * w, (count, n_fft)).reshape(-1))
    start = n_fft // 2 if center else 0
    end = whole - (n_fft // 2 if center else 0) if length is None else min(start + length, whole)
    added, squares = added[:, start:end], squares[start:end]
    known = concrete(squares)
    if known is not None and known.size and np.abs(known).min() <= 1e-11:
        raise ArgumentError("istft: window overlap add min is 0: the windows do not cover the signal")
    result = narrow_to(added / squares[None], added)
    if length is not None and result.shape[1] < length:
        result = jnp.pad(result, ((0, 0), (0, length - result.shape[1])))
    return result[0] if single else result
