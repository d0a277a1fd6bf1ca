"""`MultiheadAttention`, which torch has among the activations: from there it is handed on."""

import jax
import jax.numpy as jnp
from jax import lax

from fnn import init
from fnn.arguments import integer
from fnn.devices import to_device
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional.attention_masks import AttentionError, additive_mask
from fnn.functional.multi_head_attention import map_shared
from fnn.nn import functional
from fnn.nn._module import Module
from fnn.nn.init import constant_, xavier_normal_, xavier_uniform_
from fnn.nn.modules.linear import NonDynamicallyQuantizableLinear
from fnn.nn.parameter import Parameter
from fnn.typing import ArrayLike, Device, DType

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attention in several heads: ``concat(head_1, ..., head_H) @ out_proj.weight.T + out_proj.bias``.

    Each head is `fnn.functional.scaled_dot_product_attention` of inputs projected to D = E / H features.  Vaswani et
    al., "Attention Is All You Need" (2017), arXiv:1706.03762.

    Args:
        embed_dim: E, of the queries and of the output; positive.
        num_heads: H, a divisor of E.
        dropout: the probability of an attention weight to be dropped in training.
        bias: whether the projections have biases.
        add_bias_kv: append a learnable key and value, ``bias_k`` and ``bias_v``, to every sequence.
        add_zero_attn: append a key and a value of zeros to every sequence.
        kdim: Ek, the features of keys; None is E.
        vdim: Ev, the features of values; None is E.
        batch_first: whether inputs and output are (N, L, E) and not (L, N, E).
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        in_proj_weight: (3 E, E), uniform in ±sqrt(6 / (4 E)); None where Ek or Ev differs from E.
        q_proj_weight: (E, E), uniform in ±sqrt(6 / (2 E)); None where ``in_proj_weight`` is not.
        k_proj_weight: (E, Ek), uniform in ±sqrt(6 / (E + Ek)); as above.
        v_proj_weight: (E, Ev), uniform in ±sqrt(6 / (E + Ev)); as above.
        in_proj_bias: (3 E,), zeros; None without ``bias``.
        bias_k: (1, 1, E), normal with deviation sqrt(2 / (2 E)); None without ``add_bias_kv``.
        bias_v: (1, 1, E), from the same distribution.
        out_proj: a Linear from E to E; its bias is zeros.

    Shape:
        (L, N, E), (S, N, Ek), (S, N, Ev) -> (L, N, E), (N, L, S); with ``batch_first`` N comes first; without a batch
        (L, E), (S, Ek), (S, Ev) -> (L, E), (L, S).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> attention = nn.MultiheadAttention(8, 2, batch_first=True)
        >>> x = jnp.ones((4, 5, 8))
        >>> y, weights = attention(x, x, x)
        >>> y.shape, weights.shape
        ((4, 5, 8), (4, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        where = "MultiheadAttention: "
        embed_dim, num_heads = integer(embed_dim, "embed_dim", where), integer(num_heads, "num_heads", where)
        if embed_dim <= 0 or num_heads <= 0:
            raise ArgumentError(
                f"{where}embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                f"num_heads={num_heads} instead"
            )
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else integer(kdim, "kdim", where)
        self.vdim = embed_dim if vdim is None else integer(vdim, "vdim", where)
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AttentionError(
                f"{where}embed_dim must be divisible by num_heads, got embed_dim={embed_dim} and num_heads={num_heads}"
            )

        def empty(*shape: int) -> Parameter:
            value = init.zeros(None, shape, dtype)
            return Parameter(value if device is None else jax.device_put(value, to_device(device, where)))

        e, same = embed_dim, self._qkv_same_embed_dim
        # As torch registers them: what is absent comes after, and stays None.
        self.register_parameter("in_proj_weight", empty(3 * e, e) if same else None)
        self.register_parameter("q_proj_weight", None if same else empty(e, e))
        self.register_parameter("k_proj_weight", None if same else empty(e, self.kdim))
        self.register_parameter("v_proj_weight", None if same else empty(e, self.vdim))
        self.register_parameter("in_proj_bias", empty(3 * e) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(e, e, bias=bias, device=device, dtype=dtype)
        self.bias_k: Parameter | None = empty(1, 1, e) if add_bias_kv else None
        self.bias_v: Parameter | None = empty(1, 1, e) if add_bias_kv else None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            constant_(self.in_proj_bias, 0.0)
            constant_(self.out_proj.bias, 0.0)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                xavier_normal_(extra)

    def forward(
        self,
        query: ArrayLike,
        key: ArrayLike,
        value: ArrayLike,
        key_padding_mask: ArrayLike | None = None,
        need_weights: bool = True,
        attn_mask: ArrayLike | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[jax.Array, jax.Array | None]:
        """The output and the attention weights.

        In masks True means "do not attend"; floats are added to the scores.

        Args:
            query: (L, N, E); with ``batch_first`` (N, L, E); or (L, E).
            key: (S, N, Ek), (N, S, Ek) or (S, Ek).
            value: (S, N, Ev), (N, S, Ev) or (S, Ev).
            key_padding_mask: (N, S) or (S,): the keys to ignore.
            need_weights: whether to return the attention weights.  Without them a query that may attend to no key
                gives zeros before the output projection, with them NaN, as in torch.
            attn_mask: (L, S) or (N H, L, S).
            average_attn_weights: return the mean of the weights over heads.
            is_causal: says that ``attn_mask``, which must be given, is the causal mask.

        Returns:
            An array of the query's shape; and the weights (N, L, S), or (N, H, L, S) if not averaged (without N if
            unbatched), or None without ``need_weights``.
        """
        q = to_array(query, "query", "MultiheadAttention: ")
        k = q if key is query else to_array(key, "key", "MultiheadAttention: ")
        v = k if value is key else to_array(value, "value", "MultiheadAttention: ")
        if attn_mask is not None:
            attn_mask = to_array(attn_mask, "attn_mask", "MultiheadAttention: ")
        padding = additive_mask(key_padding_mask, "key_padding_mask", q.dtype, "MultiheadAttention: ", attn_mask)
        attn_mask = additive_mask(attn_mask, "attn_mask", q.dtype, "MultiheadAttention: ")
        transposed = self.batch_first and q.ndim == 3
        if transposed:
            q, k, v = map_shared(lambda x: jnp.swapaxes(x, 0, 1) if x.ndim > 1 else x, q, k, v)
        output, weights = functional.multi_head_attention_forward(
            q,
            k,
            v,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=padding,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (jnp.swapaxes(output, 0, 1) if transposed else output), weights

    def merge_masks(
        self, attn_mask: ArrayLike | None, key_padding_mask: ArrayLike | None, query: ArrayLike
    ) -> tuple[jax.Array | None, int | None]:
        """Both masks as one, and its kind.

        Args:
            attn_mask: (L, L) or (N H, L, L) of floats, or None.
            key_padding_mask: (N, L) of floats, or None.
            query: (N, L, E).

        Returns:
            (N, H, L, L) and 2 with an ``attn_mask``, ``key_padding_mask`` and 1 with that only, else None and None.
        """
        padding = None if key_padding_mask is None else to_array(key_padding_mask, "key_padding_mask")
        if attn_mask is None:
            return padding, None if padding is None else 1
        batch, length, _ = to_array(query, "query").shape
        mask, shape = to_array(attn_mask, "attn_mask"), (batch, self.num_heads, length, length)
        if mask.ndim == 3:
            merged = mask.reshape(shape)
        else:
            merged = lax.broadcast_in_dim(mask, shape, (2, 3))
        if padding is not None:
            merged = merged + lax.broadcast_in_dim(padding, shape, (0, 3))
        return merged, 2
