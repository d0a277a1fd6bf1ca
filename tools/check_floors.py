"""Fails on an import in fnn that climbs, closes a circle, takes what is private elsewhere, or brings in a package.

    python tools/check_floors.py [folder that contains fnn/]

**Floors.**  Every module may import its own floor and those below it.  ``fnn/__init__.py`` hands every floor on and is
itself the roof: a module below `quickstart` and `port` that imports ``fnn`` itself climbs.

**Circles.**  No module imports one that imports it, by whatever way, not even in a function.  Of two packages (the
parts directly below fnn) only one imports the other, for a type checker either.

**Private names.**  What begins with an underscore, a file or a name in it, belongs to the folder that it stands in and
to what is below that folder: all of fnn may use ``fnn/_torch_names.py``, but only fnn.func ``fnn/func/_bound.py``.
What others need has a public name. `SHARED` lists what is taken nevertheless.

**Packages.**  `PACKAGES` lists who may import what from outside fnn, and when: JAX and numpy with the module, an extra
only in the function that needs it.  The parts of `WITHOUT_JAX` import no JAX at all, for worker processes run them.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from import_graph import NEVER, NOW, PACKAGE, Import, Tree, circles, is_private

# From the ground up.  A private module directly in fnn/ (_mt19937.py) belongs to the lowest floor.
FLOORS = (
    (
        "typing",
        "errors",
        "dtypes",
        "devices",
        "docstrings",
        "arguments",
        "host_random",
        "tracing",
        "late",
        "uncaught",
        "version",
        "autocasting",
    ),
    ("drawn", "random", "init", "creation"),
    ("kernels",),
    ("functional",),
    ("ops",),
    ("state",),
    ("layers",),
    ("nn",),
    ("func", "optim"),
    ("autograd", "amp", "distributions", "metrics"),
    ("serialization",),
    ("distributed",),
    ("exported", "utils", "vision", "text", "testing", "explain"),
    ("quickstart", "port"),
)
ROOF = len(FLOORS)
_FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}

# Who takes which private name from elsewhere, and why. At most ten.
SHARED = {
    ("fnn.optim.swa_utils", "fnn.nn.modules.batchnorm._BatchNorm"): (
        "PyTorch's own name of the base class, from which models derive norms that update_bn must find"
    ),
    ("fnn.vision.models._weights", "fnn.vision.transforms._presets"): (
        "torchvision's own name of the file, from which programs take the class"
    ),
}
MOST_SHARED = 10

# Who may import a package: with the module itself; in a function, or for a type checker.  A name covers what is below.
PACKAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "jax": (("fnn",), ("fnn",)),
    "jaxlib": (("fnn.kernels.cpu_convolution._library",), ()),  # whose release tells which calls XLA knows
    "numpy": (("fnn",), ("fnn",)),
    "ml_dtypes": (("fnn.host_random", "fnn.serialization"), ()),
    "optax": (("fnn.optim",), ()),
    "cloudpickle": ((), ("fnn.utils.data",)),
    "jax2onnx": ((), ("fnn.exported",)),
    "flatbuffers": ((), ("fnn.exported",)),
    "einops": (("fnn.nn.einops",), ()),  # a file that is imported by its name
    "libcst": (("fnn.port",), ()),  # what imports it is imported by functions of fnn.port
    "matplotlib": ((), ("fnn.explain", "fnn.quickstart")),
    "onnx": ((), ("fnn.exported",)),
    "orbax": ((), ("fnn.distributed",)),
    "PIL": ((), ("fnn.utils.tensorboard", "fnn.vision")),
    "h5py": ((), ("fnn.vision.datasets.pcam",)),
    "huggingface_hub": ((), ("fnn.text",)),
    "jinja2": ((), ("fnn.text",)),
    "tokenizers": ((), ("fnn.text",)),
    "lmdb": ((), ("fnn.vision.datasets.lsun",)),
    "rich": ((), ("fnn.explain", "fnn.port", "fnn.quickstart", "fnn.utils")),
    "safetensors": ((), ("fnn.serialization",)),
    "sklearn": ((), ("fnn.quickstart",)),
    "tensorboardX": (("fnn.utils.tensorboard._protos",), ()),  # a file that is imported when a writer is made
    "google": (("fnn.utils.tensorboard._protos",), ()),
    "torch": ((), ("fnn.port", "fnn.testing")),
    "treescope": ((), ("fnn.nn._display", "fnn.state.box")),
    "visdom": ((), ("fnn.utils.visdom",)),
}
WITHOUT_JAX = (
    "fnn.host_random",
    "fnn.utils.data",
    "fnn.vision.datasets",
    "fnn.vision.transforms",
    "fnn.vision.tv_tensors",
)


def floor_of(module: str) -> int | None:
    """The floor of a dotted module name; None for a part of fnn that has none assigned."""
    parts = module.split(".")
    if len(parts) == 1:
        return ROOF
    return 0 if parts[1].startswith("_") else _FLOOR_OF.get(parts[1])


def climbing(tree: Tree, imports: Iterable[Import]) -> list[str]:
    """The modules that have no floor, and the imports that go up."""
    found = [
        f"{tree.where(module)}: {module} has no floor; give it one in {Path(__file__).name}"
        for module in tree.files
        if floor_of(module) is None
    ]
    for step in imports:
        here, there = floor_of(step.importer), floor_of(step.module)
        at = f"{tree.where(step.importer)}:{step.line}"
        if there is None:
            found.append(f"{at}: imports {step.module}, which has no floor")
        elif here is not None and there > here and not (step.module == PACKAGE and here == ROOF - 1):
            found.append(f"{at}: {step.importer} (floor {here}) imports {step.module} (floor {there})")
    return found


def circular(tree: Tree, imports: Iterable[Import]) -> list[str]:
    """The circles among modules, and those among packages that no circle of modules shows."""
    imports = list(imports)
    modules = circles((i.importer, end, i) for i in imports if i.when != NEVER for end in tree.entered(i))
    packages = circles((_part(i.importer), _part(i.module), i) for i in imports)
    return [
        f"a circle of {what}: " + ", ".join(f"{tree.where(i.importer)}:{i.line} imports {i.module}" for i in circle)
        for what, found in (("modules", modules), ("packages", packages))
        for circle in found
    ]


def _part(module: str) -> str:
    return ".".join(module.split(".")[:2])


def reaches(tree: Tree, taken: Iterable[Import]) -> list[Import]:
    """What is taken of another folder although it is private there; by the same module, each once."""
    found: dict[tuple[str, str], Import] = {}
    for step in taken:
        parts = step.name.split(".")
        first = next((n for n, part in enumerate(parts) if is_private(part)), None)
        if first is not None:
            owner = tree.owner(".".join(parts[:first]))
            if owner in tree.files and not f"{step.importer}.".startswith(f"{tree.folder(owner)}."):
                found.setdefault((step.importer, step.name), step)
    return list(found.values())


def reaching(tree: Tree, taken: Iterable[Import]) -> list[str]:
    """The reaches that `SHARED` does not list, and its entries that nothing needs any more."""
    found = reaches(tree, taken)
    there = {(step.importer, step.name) for step in found}
    new = [
        f"{tree.where(step.importer)}:{step.line}: {step.importer} takes {step.name}, which is private there"
        for step in found
        if (step.importer, step.name) not in SHARED
    ]
    stale = [
        f"{tree.where(who)}: takes no {name} any more; strike it from SHARED in {Path(__file__).name}"
        for who, name in SHARED
        if who in tree.files and (who, name) not in there
    ]
    return new + stale


def _below(module: str, parts: Iterable[str]) -> bool:
    return any(f"{module}.".startswith(f"{part}.") for part in parts)


def bringing_in(tree: Tree, external: Iterable[Import]) -> list[str]:
    """The imports from outside that `PACKAGES` and `WITHOUT_JAX` do not allow."""
    found = []
    for step in external:
        at, package = f"{tree.where(step.importer)}:{step.line}: {step.importer}", step.module
        now, later = PACKAGES.get(package, ((), ()))
        if package == "jax" and step.when == NOW and _below(step.importer, WITHOUT_JAX):
            found.append(f"{at} imports {step.name}; worker processes run it, which have no JAX")
        elif not _below(step.importer, now + later):
            found.append(f"{at} imports {step.name}, which PACKAGES in {Path(__file__).name} does not allow")
        elif step.when == NOW and not _below(step.importer, now):
            found.append(f"{at} imports {step.name} with the module; import it in the function that needs it")
    return found


def violations(root: Path) -> list[str]:
    """One line for each fault below ``root/fnn``."""
    tree = Tree.below(root)
    imports: list[Import] = []
    attributes: list[Import] = []
    external: list[Import] = []
    for module in tree.files:
        syntax = tree.parsed(module)
        imports += tree.imports(module, syntax)
        attributes += tree.private_attributes(module, syntax)
        external += tree.external(module, syntax)
    found = climbing(tree, imports) + circular(tree, imports) + reaching(tree, imports + attributes)
    found += bringing_in(tree, external)
    if len(SHARED) > MOST_SHARED:
        found.append(f"{Path(__file__).name}: SHARED has {len(SHARED)} entries, at most {MOST_SHARED} are allowed")
    return found


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = violations(root)
    sound = (
        f"every import of {PACKAGE} goes down or stays on its floor, none closes a circle; "
        f"private names taken from elsewhere: {len(SHARED)}; packages imported from outside: {len(PACKAGES)}"
    )
    print("\n".join(found) or sound)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
