"""default_collate, default_convert and collate against torch.utils.data's."""

import collections
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import sparse

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.utils.data.collate import collate, default_collate, default_collate_fn_map, default_convert

Point = collections.namedtuple("Point", ["x", "y"])


class Names(dict):
    def __init__(self, tag, **values):
        super().__init__(**values)
        self.tag = tag


class Row(collections.UserList):
    pass


def plain(value):
    """The structure with arrays as (dtype, values), so that torch's and fnn's compare."""
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, np.ndarray):
        return value.dtype.name, value.tolist()
    if isinstance(value, collections.abc.Mapping):
        return type(value), {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, Row)):
        return type(value), [plain(item) for item in value]
    return value


f16, f32, f64, c64 = np.float16, np.float32, np.float64, np.complex64
zeros = np.zeros
BATCHES = [
    [1, 2], [2**40, -1], [True, False], [1, True], [True, 3], [1, 2.5], [1, 2j], [1.5, 2.5], [1.5, 2],
    [float("inf"), 1.0],
    [1.5, f32(1)], [1, f32(3)], [1, np.int32(3)],
    [f64(1.5)], [f32(1.5)], [f16(1.5)], [np.int32(1)], [np.uint8(1)], [np.uint16(1)], [np.bool_(1)], [c64(1j)],
    [f32(1), f64(2)], [np.int64(1), f32(2)], [f32(1), 2.5], [f32(1), 2], [np.int32(1), 2.5], [np.uint8(3), -1],
    ["a", "bc"], [b"a"], [np.str_("a")],
    [zeros(2, f32), np.ones(2, f32)], [zeros((), f32)], [zeros((2, 0, 3), np.int8)], [np.array(True)],
    [zeros(2, f32), zeros(2)], [zeros(2, np.int64), zeros(2, f32)], [zeros(2, np.uint8), zeros(2, np.int8)],
    [zeros(2, f16), zeros(2, np.int32)], [zeros(1, c64), zeros(1)], [zeros(1, c64), zeros(1, f32)], [zeros(2), [1, 2]],
    [(1, "a"), (2, "b")], [[1, 2.0], [3, 4.0]], [(zeros(2), 1), (zeros(2), 2)], [[], []], [(), ()], [((1, 2), [3])] * 2,
    [range(3), range(3)], [Point(1, 2.0), Point(3, 4.0)], [Row([1, 2]), Row([3, 4])],
    [{"a": 1, "b": {"c": 2.5}}, {"a": 3, "b": {"c": 4.5}}], [{"a": 1}, {"a": 1, "b": 2}], [{}],
    [collections.OrderedDict(b=1, a="x")], [collections.defaultdict(list, a=1)], [types.MappingProxyType({"a": 1})],
    [collections.ChainMap({"a": 1})], [{3: (1, {"d": b"q"})}],
]  # fmt: skip


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: repr(batch)[:50])
def test_default_collate(batch):
    ours = plain(default_collate(batch))
    torch_data = pytest.importorskip("torch.utils.data")
    assert ours == plain(torch_data.default_collate(batch))


@pytest.mark.parametrize("data", [
    *(batch[0] for batch in BATCHES), None, object, np.array("a"), np.array(["a"]), np.array([None]), f32(1),
    [zeros(2), f32(1), 3.0, "s", None], {"a": zeros(2), "b": (f32(1), "x")}, Point(zeros(2), f32(3)), Row([f32(1)]),
], ids=lambda data: repr(data)[:50])  # fmt: skip
def test_default_convert(data):
    ours = plain(default_convert(data))
    torch_data = pytest.importorskip("torch.utils.data")
    assert ours == plain(torch_data.default_convert(data))


FOUND = "batch must contain tensors, numpy arrays, numbers, dicts or lists; found "


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([None], TypeError, FOUND + "<class 'NoneType'>"),
        ([1j], TypeError, FOUND + "<class 'complex'>"),
        ([{1}], TypeError, FOUND + "<class 'set'>"),
        ([(1, object())], TypeError, FOUND + "<class 'object'>"),
        ([np.array("a")], TypeError, FOUND + "<U1"),
        ([np.array([None])], TypeError, FOUND + "object"),
        ([np.datetime64("2020")], TypeError, FOUND + "<class 'numpy.datetime64'>"),
        ([np.timedelta64(1, "s")], TypeError, "can't convert np.ndarray of type"),
        ([zeros(2, "M8[s]")], TypeError, "can't convert np.ndarray of type"),
        ([zeros(2, [("a", f32)])], TypeError, "can't convert np.ndarray of type"),
        ([np.longdouble(3)], TypeError, "can't convert np.ndarray of type"),
        ([zeros(2, ">f4")], ValueError, "byte order different from the native byte order"),
        ([zeros(2), zeros(3)], RuntimeError, r"stack expects each tensor to be equal size, but got \[2\] at entry"),
        ([zeros(2), 3], RuntimeError, r"got \[2\] at entry 0 and \[\] at entry 1"),
        ([zeros(2, np.uint64), zeros(2, int)], RuntimeError, "Promotion for uint16, uint32, uint64 types"),
        ([(1, 2), (1,)], RuntimeError, "each element in list of batch should be of equal size"),
        ([[1], [1, 2]], RuntimeError, "each element in list of batch should be of equal size"),
        ([2**63], ValueError, "Overflow when unpacking long long"),
        ([1, None], RuntimeError, "Could not infer dtype of NoneType"),
        ([1, "a"], TypeError, "str"),
        ([1.5, None], TypeError, "must be real number, not NoneType"),
        ([1.5, "2"], TypeError, "must be real number, not str"),
        ([1.5, 2j], TypeError, "must be real number, not complex"),
        ([{"a": 1}, {"b": 1}], KeyError, "a"),
        ([], IndexError, None),
    ],
)  # fmt: skip
def test_refusals(batch, error, message):
    with pytest.raises(error, match=message):
        default_collate(batch)
    torch_data = pytest.importorskip("torch.utils.data")
    with pytest.raises(error, match=message):
        torch_data.default_collate(batch)


def test_pictures_are_refused():
    image = pytest.importorskip("PIL.Image")
    with pytest.raises(ArgumentTypeError, match=r"found <class 'PIL.Image.Image'>"):
        default_collate([image.new("L", (2, 2))])


def test_jax_arrays_become_numpy():
    batch = default_collate([(jnp.full(2, 1.0), jnp.int32(3)), (jnp.full(2, 2.0), jnp.int32(4))])
    assert [type(leaf) for leaf in batch] == [np.ndarray] * 2
    assert plain(batch) == (list, [("float32", [[1.0, 1.0], [2.0, 2.0]]), ("int32", [3, 4])])
    halves = [jnp.ones(1, jnp.bfloat16), jnp.ones(1, jnp.float16)]
    assert default_collate(halves[:1]).dtype == jnp.bfloat16 and default_collate(halves).dtype == np.float32
    array = jnp.ones(2)
    assert default_convert((array,))[0] is array


def test_sparse_arrays_are_refused():
    with pytest.raises(
        ArgumentError, match="Batches of sparse tensors are not currently supported by the default coll"
    ):
        default_collate([sparse.BCOO.fromdense(jnp.eye(2))])


def test_mappings_keep_what_else_they_carry():
    first = Names("left", a=1)
    batch = default_collate([first, Names("right", a=2)])
    assert type(batch) is Names and batch.tag == "left" and batch["a"].tolist() == [1, 2] and first["a"] == 1
    assert default_convert(Names("t", a=f32(1))).tag == "t"
    default = default_collate([collections.defaultdict(lambda: 7, a=1)])
    assert default["absent"] == 7


def test_collate_with_a_map():
    def lengths(batch, *, collate_fn_map):
        assert collate_fn_map is table
        return [len(item) for item in batch]

    table = {str: lengths, (set, frozenset): lengths}
    assert collate([{"a": "xy", "b": frozenset()}, {"a": "z", "b": frozenset([1])}], collate_fn_map=table) == {
        "a": [2, 1],
        "b": [0, 1],
    }
    with pytest.raises(TypeError, match=r"found <class 'int'>"):
        collate([("a", 1)], collate_fn_map=table)
    with pytest.raises(TypeError, match=r"found <class 'numpy.ndarray'>"):
        collate([zeros(2)])


def test_the_default_map_can_be_extended(monkeypatch):
    monkeypatch.setitem(default_collate_fn_map, slice, lambda batch, *, collate_fn_map: len(batch))
    assert default_collate([(slice(3), 1)] * 2)[0] == 2
    monkeypatch.setitem(default_collate_fn_map, jax.Array, lambda batch, *, collate_fn_map: jnp.stack(batch))
    assert isinstance(default_collate([jnp.ones(2)]), jax.Array)
    assert type(default_collate([np.ones(2)])) is np.ndarray
