"""`fnn.summary`: figures by hand and against torch's counters; the model stays as it was."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import layers, nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import functional as F


class Everything(nn.Module):
    """Shared, tied, frozen, unused and hand-written parts, two outputs."""

    def __init__(self):
        super().__init__()
        shared = nn.Linear(4, 4)
        self.twice = nn.Sequential(shared, nn.Dropout(), shared)
        self.parts = nn.ModuleList([nn.BatchNorm1d(4), nn.Linear(4, 4)])
        self.parts[1].weight = shared.weight
        self.up = nn.ConvTranspose1d(4, 6, 3, stride=2)
        self.unused = nn.Linear(9, 9)
        self.unused.requires_grad_(False)

    def forward(self, x):
        x = self.twice(x)
        for part in self.parts:
            x = part(x)
        return self.up(x.T), jnp.matmul(x, x.T)


def by_path(found):
    return {row.path: row for row in found.rows}


def test_figures_by_hand():
    found = fnn.summary(Everything(), (5, 4))
    rows = by_path(found)
    linear, conv_t = 4 * 4 + 4, 4 * 6 * 3 + 6
    assert found.total_params == linear + 8 + 4 + conv_t + 90  # the second Linear's weight is tied
    assert found.non_trainable_params == 90 and found.trainable_params == found.total_params - 90
    assert found.param_bytes == 4 * found.total_params
    assert (found.total_buffers, found.buffer_bytes) == (9, 36)
    assert rows[""].output_shapes == ((6, 11), (5, 5))
    assert (rows["twice.0"].calls, rows["twice.0"].mult_adds, rows["twice.0"].params) == (2, 2 * 5 * 16, linear)
    assert rows["twice.2"].shared_with == "twice.0" and rows["twice.2"].params == 0
    assert (rows["parts"].calls, rows["parts"].output_shapes, rows["parts"].mult_adds) == (0, (), 80)
    assert rows["up"].mult_adds == 5 * 4 * 6 * 3
    assert (rows["unused"].calls, rows["unused"].trainable_params, rows["unused"].mult_adds) == (0, 0, 0)
    outside = 5 * 5 * 4  # the product that forward writes itself
    assert found.total_mult_adds == 160 + 80 + 360 + outside
    assert found.total_flops == 2 * found.total_mult_adds
    # three calls of twice's parts, two of parts', one of up, each of float32
    assert found.total_activation_bytes == 4 * (3 * 20 + 2 * 20 + 66)
    assert rows["twice"].activation_bytes == 4 * 60


def test_the_model_stays_as_it_was():
    model = Everything()
    state = {name: np.array(value) for name, value in model.state_dict().items()}
    model.parts.eval()
    generator = fnn.get_rng_state().copy()
    fnn.summary(model, (5, 4))
    assert not model._forward_hooks and not model.parts[0]._forward_pre_hooks
    assert model.training and not model.parts.training and not model.parts[0].training
    np.testing.assert_array_equal(fnn.get_rng_state(), generator)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    with pytest.raises(ArgumentError, match="5"):
        fnn.summary(model, (5, 5))  # refused by the first Linear
    assert not model._forward_hooks and not model.twice[0]._forward_hooks


def test_nothing_is_computed():
    class Huge(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            return jnp.ones((10**6, 10**6)) * self.layer(x)[..., :1].mean()

    found = fnn.summary(Huge(), (2, 3))
    assert found.rows[0].output_shapes == ((10**6, 10**6),)
    assert found.total_mult_adds == 2 * 9


INPUTS = {
    "shape": ((2, 3),),
    "list": ([2, 3],),
    "numpy": (np.ones((2, 3), np.float32),),
    "jax": (jnp.ones((2, 3)),),
    "abstract": (jax.ShapeDtypeStruct((2, 3), jnp.float32),),
    "box": (nn.Buffer(jnp.ones((2, 3))),),
}


@pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)
def test_kinds_of_inputs(inputs):
    assert fnn.summary(nn.Linear(3, 4), *inputs).total_mult_adds == 24


def test_nested_inputs_and_keywords():
    class Pick(nn.Module):
        def forward(self, pair, *, scale=None, twice=False):
            first, second = pair["a"], pair["b"]
            out = jnp.matmul(first, second)
            return (out, out) if twice else out * scale

    pair = {"a": jax.ShapeDtypeStruct((2, 3), jnp.float32), "b": jnp.ones((3, 4))}
    found = fnn.summary(Pick(), pair, twice=True)
    assert found.rows[0].output_shapes == ((2, 4), (2, 4)) and found.total_mult_adds == 24
    assert fnn.summary(Pick(), pair, scale=jnp.ones((2, 1))).rows[0].output_shapes == ((2, 4),)


def test_dtypes():
    half = nn.Linear(3, 4).half()
    assert fnn.summary(half, (2, 3)).total_activation_bytes == 2 * 8
    embedding = fnn.summary(nn.Embedding(10, 4), (2, 5), dtype=jnp.int32)
    assert embedding.rows[0].output_shapes == ((2, 5, 4),) and embedding.total_flops == 0


def test_without_inputs():
    found = fnn.summary(Everything())
    assert found.total_params == fnn.summary(Everything(), (5, 4)).total_params
    assert found.total_flops is found.total_mult_adds is found.total_activation_bytes is found.rows[0].flops is None


def test_functional_layers():
    net = layers.serial(
        layers.Conv2d(1, 8, 3),
        layers.residual(layers.named(a=layers.Conv2d(8, 8, 3, padding=1), n=layers.BatchNorm2d(8))),
        layers.Flatten(),
        layers.Linear(288, 16),
        layers.repeat(layers.serial(layers.Linear(16, 16), layers.Dropout(0.1)), 3),
        layers.remat(layers.Linear(16, 2)),
        fnn.pure(nn.Sequential)(nn.Linear(2, 3)),
    )
    found = fnn.summary(net, (2, 1, 8, 8))
    rows = by_path(found)
    params, state = jax.eval_shape(net.init, jax.random.key(0))
    assert found.total_params == sum(x.size for x in jax.tree.leaves(params))
    assert found.total_buffers == sum(x.size for x in jax.tree.leaves(state)) == 17
    assert rows["0"].mult_adds == 2 * 36 * 8 * 9
    assert rows["1.body.a"].mult_adds == 2 * 36 * 8 * 8 * 9
    assert (rows["1.body.n"].kind, rows["1.body.n"].params) == ("BatchNorm2d", 16)
    assert (rows["4"].params, rows["4"].mult_adds) == (3 * 272, 3 * 2 * 256)
    assert (rows["4.layer.0"].calls, rows["4.layer.0"].mult_adds) == (3, 3 * 2 * 256)
    assert rows["4.layer.0"].activation_bytes == 3 * 2 * 16 * 4
    assert rows["5.layer"].mult_adds == 2 * 32
    assert (rows["6.0"].kind, rows["6.0"].mult_adds) == ("Linear", 2 * 6)
    assert found.total_mult_adds == sum(row.mult_adds for row in found.rows if row.depth == 1)
    alone = fnn.summary(layers.without_state(layers.Linear(3, 4)), (2, 3))
    assert (alone.total_params, alone.total_mult_adds) == (16, 24)


class Own(layers.Layer):
    inner: layers.Linear
    width: int

    def init(self, key):
        params, state = self.inner.init(key)
        return {"inner": params}, state

    def apply(self, params, state, input, *, training=False, key=None):
        assert self.inner.out_features == self.width
        return self.inner.apply(params["inner"], state, input, training=training, key=key)


def test_a_layer_of_ones_own():
    found = fnn.summary(layers.serial(Own(layers.Linear(3, 4), 4)), (2, 3))
    row = by_path(found)["0.inner"]
    assert (row.kind, row.params, row.mult_adds, row.output_shapes) == ("Linear", 16, 24, ((2, 4),))


def test_control_flow():
    class Loops(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.other = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            x, _ = fnn.scan(lambda x, _: (self.cell(x), None), x, None, length=7)
            x = fnn.cond(x.sum() > 0, lambda x: self.other(self.other(x)), lambda x: self.other(x), x)
            return fnn.checkpoint(self.other)(x)

    rows = by_path(fnn.summary(Loops(), (2, 4)))
    assert (rows["cell"].calls, rows["cell"].mult_adds) == (7, 7 * 2 * 16)
    assert rows["other"].mult_adds == 3 * 2 * 16  # the dearer branch, and once more


def test_deep_networks():
    """The figures of the papers and of torchvision; the models exist as shapes only."""
    models = pytest.importorskip("fnn.vision.models")
    vgg = fnn.summary(fnn.pure(models.vgg16)(), (1, 3, 224, 224))
    assert vgg.total_params == 138_357_544 and round(vgg.total_mult_adds / 1e9, 2) == 15.47
    assert by_path(vgg)["classifier.0"].params == 102_764_544
    assert by_path(vgg)["features.0"].mult_adds == 64 * 224 * 224 * 27
    resnet = fnn.summary(fnn.pure(models.resnet50)(), (1, 3, 224, 224))
    assert resnet.total_params == 25_557_032 and round(resnet.total_mult_adds / 1e9, 2) == 4.09


def torch_flops(make, shape):
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        make(torch.nn)(torch.zeros(shape))
    return counter.get_total_flops()


COUNTED = {
    "conv": (lambda nn: nn.Conv2d(4, 6, (3, 2), stride=2, padding=1, groups=2), (2, 4, 9, 8)),
    "conv1d": (lambda nn: nn.Conv1d(4, 6, 3, dilation=2), (2, 4, 9)),
    "conv3d": (lambda nn: nn.Conv3d(2, 3, 2), (1, 2, 3, 4, 5)),
    "transposed": (lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1), (2, 4, 5, 6)),
    "transposed groups": (lambda nn: nn.ConvTranspose2d(4, 6, 3, groups=2), (2, 4, 5, 6)),
    "linear": (lambda nn: nn.Linear(5, 7), (2, 3, 5)),
    "norms and pools": (
        lambda nn: nn.Sequential(nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.MaxPool2d(2), nn.AvgPool2d(2)),
        (2, 4, 8, 8),
    ),
}


@pytest.mark.parametrize("case", COUNTED)
def test_operations_are_those_that_torch_counts(case):
    make, shape = COUNTED[case]
    assert fnn.summary(make(nn), shape).total_flops == torch_flops(make, shape)


def test_convolutions_of_a_functional():
    x, w = (2, 4, 5, 6), jnp.ones((4, 3, 3, 3))

    class Plain(nn.Module):
        def forward(self, x):
            return F.conv_transpose2d(x, w, stride=2, groups=2), F.conv2d(x, w[:, :2], groups=2)

    forward = 2 * 4 * 12 * 2 * 9
    assert fnn.summary(Plain(), x).total_mult_adds == 2 * 4 * 30 * 3 * 9 + forward

    class Gradients(nn.Module):
        def forward(self, x):
            return jax.grad(lambda x, w: (F.conv2d(x, w, groups=2) ** 2).sum(), (0, 1))(x, w[:, :2])

    assert fnn.summary(Gradients(), x).total_mult_adds == 3 * forward


def test_attention():
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    found = fnn.summary(attention, *[(3, 5, 8)] * 3)
    projections, products = 3 * 5 * 8 * 8 * 4, 2 * 3 * 5 * 5 * 8
    assert found.total_mult_adds == projections + products


def test_lazy_modules():
    lazy = nn.Sequential(nn.LazyLinear(3))
    with pytest.raises(ArgumentError, match=r"summary: LazyLinear at '0' is lazy.*call the model once"):
        fnn.summary(lazy, (2, 5))
    assert type(lazy[0]) is nn.LazyLinear
    lazy(jnp.ones((2, 5)))
    assert fnn.summary(lazy, (2, 5)).total_params == 18
    assert fnn.summary(fnn.pure(nn.LazyLinear)(3), (2, 5)).total_params == 18


def test_refusals():
    with pytest.raises(ArgumentTypeError, match=r"summary: expected a fnn.nn.Module .*build it first: Linear"):
        fnn.summary(nn.Linear, (2, 3))
    with pytest.raises(ArgumentTypeError, match="got 3"):
        fnn.summary(3)
    with pytest.raises(ArgumentError, match="depth=-1"):
        fnn.summary(nn.Linear(2, 3), depth=-1)
    with pytest.raises(ArgumentError, match=r"summary: the sizes of a shape must not be negative, got \(2, -1\)"):
        fnn.summary(nn.Linear(2, 3), (2, -1))
    with pytest.raises(ArgumentTypeError, match=r"summary: expected a dtype.*'nope'"):
        fnn.summary(nn.Linear(2, 3), (2, 2), dtype="nope")


def test_the_table():
    text = str(fnn.summary(Everything(), (5, 4)))
    lines = text.split("\n")
    assert lines[0].split() == ["Layer", "Output", "shape", "Parameters", "Trainable", "FLOPs", "Activations"]
    assert "    (0) Linear ×2" in text and "    (2) Linear, shared: twice.0" in text
    assert lines[-1].startswith("Activations: ") and "multiply-adds" in lines[-2]
    short = fnn.summary(Everything(), (5, 4), depth=0)
    assert "Dropout" not in str(short) and len(short.rows) == 10 and repr(short) == str(short)


def test_the_html_table():
    class Angle(nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module("<b>", nn.Linear(2, 3))

        def forward(self, x):
            return self._modules["<b>"](x)

    page = fnn.summary(Angle(), (1, 2))._repr_html_()
    assert page.count("<tr>") == 3 and "(&lt;b&gt;) Linear" in page and "<b>" not in page
