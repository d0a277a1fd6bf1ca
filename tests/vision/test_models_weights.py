"""Published weights, the registry of builders, and what the builders accept."""

import copy
import hashlib
import inspect
import math
import pickle
import re
from functools import partial

import numpy as np
import pytest

import fnn
from fnn import nn, serialization
from fnn.utils import hub
from fnn.vision import models
from fnn.vision.models import DenseNet121_Weights, ResNet18_Weights, ResNet50_Weights, SqueezeNet1_1_Weights
from fnn.vision.models._registry import builder
from tests.vision import quick
from tests.vision.test_hub import Server, cache, safetensors, server  # noqa: F401

# -- the tables ---------------------------------------------------------------------------------------


def _facts(weights):
    options = dict(weights.transforms.keywords)
    options["interpolation"] = getattr(options.get("interpolation"), "value", options.get("interpolation"))
    meta = {name: value for name, value in weights.meta.items() if name != "_docs"}
    return weights.url, options, repr(sorted(meta.items()))


@pytest.mark.parametrize("name", models.list_models())
def test_urls_transforms_and_facts(name):
    pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    ours, theirs = models.get_model_weights(name), torchvision.models.get_model_weights(name)
    assert ours.__name__ == theirs.__name__ and getattr(models, ours.__name__) is ours
    assert {k: w.name for k, w in ours.__members__.items()} == {k: w.name for k, w in theirs.__members__.items()}
    for member in ours:
        assert _facts(member) == _facts(theirs[member.name])


def test_a_member():
    weights = ResNet50_Weights.DEFAULT
    assert weights is ResNet50_Weights.IMAGENET1K_V2
    assert repr(weights) == str(weights) == "ResNet50_Weights.IMAGENET1K_V2"
    assert weights.url == "https://download.pytorch.org/models/resnet50-11ad3fa6.pth"
    assert weights.meta["categories"][0] == "tench" and len(weights.meta["categories"]) == 1000
    assert weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] == 80.858
    assert pickle.loads(pickle.dumps(weights)) is weights
    assert copy.deepcopy(weights) is weights and copy.copy(weights) is weights
    assert copy.deepcopy(weights.value) == weights.value
    assert weights.value != ResNet50_Weights.IMAGENET1K_V1.value and weights.value != 1
    features = models.VGG16_Weights.IMAGENET1K_FEATURES
    assert features.meta["categories"] is None and math.isnan(features.meta["_metrics"]["ImageNet-1K"]["acc@1"])


def test_verify():
    assert ResNet18_Weights.verify(None) is None
    assert ResNet18_Weights.verify("DEFAULT") is ResNet18_Weights.IMAGENET1K_V1
    assert ResNet18_Weights.verify("ResNet18_Weights.IMAGENET1K_V1") is ResNet18_Weights.IMAGENET1K_V1
    with pytest.raises(
        TypeError,
        match="Invalid Weight class provided; expected ResNet18_Weights but received ResNet50_Weights",
    ):
        models.resnet18(weights=ResNet50_Weights.DEFAULT)
    for error in (KeyError, ValueError):
        with pytest.raises(error, match=r"ResNet18_Weights has no weights='V7', expected one of .*IMAGENET1K_V1"):
            models.resnet18(weights="V7")


# -- the registry -------------------------------------------------------------------------------------


def test_list_models():
    everything = models.list_models()
    assert everything == sorted(everything) and models.list_models(models) == everything
    assert models.list_models(nn) == []
    assert models.list_models(include="vgg*", exclude="*_bn") == ["vgg11", "vgg13", "vgg16", "vgg19"]
    assert models.list_models(include=["alex*", "resnet1?"]) == ["alexnet", "resnet18"]
    assert models.list_models(exclude=["[a-u]*", "v*"]) == ["wide_resnet101_2", "wide_resnet50_2"]
    for name in everything:
        assert models.get_model_builder(name) is getattr(models, name)


def test_by_name():
    with quick.zeros():
        model = models.get_model("SqueezeNet1_1", num_classes=3)
    assert isinstance(model, models.SqueezeNet) and model.classifier[1].out_channels == 3
    assert models.get_model_weights(models.resnet18) is models.get_model_weights("resnet18") is ResNet18_Weights
    assert models.get_weight("ResNet50_Weights.DEFAULT") is ResNet50_Weights.IMAGENET1K_V2
    for call, text in (
        (lambda: models.get_model("resnet19"), "Unknown model resnet19"),
        (lambda: models.get_weight("ResNet50_Weights"), "Invalid weight name provided: 'ResNet50_Weights'."),
        (lambda: models.get_weight("A.b.c"), "Invalid weight name provided: 'A.b.c'."),
        (
            lambda: models.get_weight("ResNet51_Weights.V1"),
            "The weight enum 'ResNet51_Weights' for the specific method",
        ),
        (lambda: models.get_weight("ResNet50_Weights.V7"), "ResNet50_Weights has no weights='V7'"),
        (lambda: models.get_model_weights(lambda x: x), "The method is missing the 'weights' argument."),
        (lambda: models.get_model_weights(lambda weights: 0), "The WeightsEnum class for the specific method couldn't"),
        (lambda: builder()(models.resnet18), "An entry is already registered under the name 'resnet18'."),
    ):
        with pytest.raises(ValueError, match=re.escape(text)):
            call()


@pytest.mark.parametrize("name", models.list_models())
def test_signatures(name):
    function = getattr(models, name)
    parameters = inspect.signature(function).parameters
    assert list(parameters) == ["weights", "progress", "kwargs"] and function.__doc__ and function.__name__ == name
    assert all(parameters[n].kind is inspect.Parameter.KEYWORD_ONLY for n in ("weights", "progress"))
    assert parameters["weights"].default is None and parameters["progress"].default is True


# -- loading ------------------------------------------------------------------------------------------


@pytest.fixture
def published(server, cache, monkeypatch):  # noqa: F811
    """Publishes a model's state on a local server, and points the enum's member there."""

    def publish(weights, state):
        content = safetensors({name: np.asarray(value) for name, value in state.items()})
        name = f"net-{hashlib.sha256(content).hexdigest()[:8]}.safetensors"
        monkeypatch.setattr(weights.value, "url", server.publish(name, content))

    return publish


@pytest.fixture
def small():
    """A SqueezeNet with numbers of its own."""
    fnn.manual_seed(7)
    return models.squeezenet1_1()


def test_weights_arrive(published, small, capsys):
    published(SqueezeNet1_1_Weights.IMAGENET1K_V1, small.state_dict())
    fnn.manual_seed(1)
    untrained = models.squeezenet1_1()
    after = np.asarray(fnn.rand(3))
    for how in (
        {"weights": SqueezeNet1_1_Weights.DEFAULT},
        {"weights": "IMAGENET1K_V1"},
        {"weights": "DEFAULT", "num_classes": 1000, "progress": False},
    ):
        fnn.manual_seed(1)
        model = models.squeezenet1_1(**how)
        np.testing.assert_array_equal(np.asarray(fnn.rand(3)), after)  # as without weights
        assert model.training
        for name, value in small.state_dict().items():
            np.testing.assert_array_equal(np.asarray(model.state_dict()[name]), np.asarray(value))
    assert capsys.readouterr().out.count("Downloading") == 1
    assert not np.array_equal(untrained.features[0].weight, small.features[0].weight)


def test_as_before_013(published, small):
    published(SqueezeNet1_1_Weights.IMAGENET1K_V1, small.state_dict())
    old = "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, please use 'weights' "
    positional = r"Using 'weights'{} as positional parameter\(s\) is deprecated since 0.13"
    other = "Arguments other than a weight enum or `None` for 'weights' are deprecated since 0.13 .*`weights={}`.{}"
    trained = other.format("SqueezeNet1_1_Weights.IMAGENET1K_V1", ".*`weights=SqueezeNet1_1_Weights.DEFAULT`")
    for args, kwargs, messages in (
        ((), {"pretrained": True}, (old, trained)),
        ((True,), {}, (positional.format(""), trained)),
        ((True, False), {}, (positional.format(" and 'progress'"), trained)),
        ((), {"pretrained": False, "num_classes": 1000}, (old, other.format("None", "$"))),
        ((False,), {}, (positional.format(""), other.format("None", "$"))),
        ((SqueezeNet1_1_Weights.DEFAULT,), {}, (positional.format(""),)),
    ):
        with pytest.warns(UserWarning) as caught:
            model = models.squeezenet1_1(*args, **kwargs)
        assert len(caught) == len(messages) and all(w.filename == __file__ for w in caught)
        for warning, message in zip(caught, messages, strict=True):
            assert re.match(message, str(warning.message)), warning.message
        loaded = np.array_equal(model.features[0].weight, small.features[0].weight)
        assert loaded == (kwargs.get("pretrained") or bool(args and args[0]))


def test_what_builders_refuse():
    with pytest.raises(ValueError, match=r"The parameter 'num_classes' expected value 1000 but got 10 instead."):
        models.resnet18(weights="DEFAULT", num_classes=10)
    with pytest.raises(ValueError, match=r"The parameter 'groups' expected value 32 but got 2 instead."):
        models.resnext50_32x4d(groups=2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'classes'"):
        models.resnet18(classes=10)
    with pytest.raises(TypeError, match="takes from 0 to 2 positional arguments but 3 were given"):
        models.resnet18(None, True, 10)
    with pytest.raises(ValueError, match="No weights available for model untrained"):

        def untrained(*, weights=None, progress=True):
            raise AssertionError

        try:
            builder()(untrained)
            models.get_model("untrained", weights=True)
        finally:
            models._registry._BUILDERS.pop("untrained")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: models.resnet.BasicBlock(4, 4, groups=2), ValueError, "BasicBlock only supports groups=1"),
        (lambda: models.resnet.BasicBlock(4, 4, dilation=2), NotImplementedError, "Dilation > 1 not supported"),
        (
            lambda: models.resnet18(replace_stride_with_dilation=[True]),
            ValueError,
            r"replace_stride_with_dilation should be None or a 3-element tuple, got \[True\]",
        ),
        (lambda: models.SqueezeNet("2_0"), ValueError, "Unsupported SqueezeNet version 2_0: 1_0 or 1_1 expected"),
        (lambda: models.MobileNetV2(inverted_residual_setting=[]), ValueError, "should be non-empty or a 4-element"),
        (lambda: models.mobilenetv2.InvertedResidual(4, 4, 3, 6), ValueError, "stride should be 1 or 2 instead of 3"),
    ],
)
def test_what_classes_refuse(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_inceptions_heads(published):
    """What the published file holds decides what is built; GoogLeNet's auxiliary heads in it are not trained."""
    with quick.zeros():
        state = models.GoogLeNet(1000).state_dict()
    published(models.GoogLeNet_Weights.DEFAULT, state)
    model = models.googlenet(weights="DEFAULT")
    assert model.transform_input and not model.aux_logits and model.aux1 is None and model.aux2 is None
    with pytest.warns(UserWarning, match=r"auxiliary heads in the pretrained googlenet model are NOT pretrained"):
        model = models.googlenet(weights="DEFAULT", aux_logits=True, transform_input=False)
    assert not model.transform_input and model.aux_logits and model.aux2 is not None
    for build in (models.googlenet, models.inception_v3):
        with pytest.raises(ValueError, match=r"The parameter 'init_weights' expected value False but got True instead"):
            build(weights="DEFAULT", init_weights=True)


def test_offline(cache, monkeypatch):  # noqa: F811
    """The message says what to do; the file put there by hand is then found."""
    small = models.squeezenet1_1()
    url = "http://127.0.0.1:9/squeezenet1_1-b8a52dc0.safetensors"
    monkeypatch.setattr(SqueezeNet1_1_Weights.DEFAULT.value, "url", url)
    with pytest.raises(hub.DownloadError) as caught:
        models.squeezenet1_1(weights="DEFAULT")
    path = re.search("put it here by hand:\n *(.*)$", str(caught.value))[1]
    assert path == str(cache / "squeezenet1_1-b8a52dc0.safetensors")
    serialization.save_file(small.state_dict(), path)
    model = models.squeezenet1_1(weights="DEFAULT")
    assert np.array_equal(model.features[0].weight, small.features[0].weight)


def test_a_file_of_another_model_changes_nothing(published, small):
    published(ResNet18_Weights.DEFAULT, small.state_dict())
    with pytest.raises(RuntimeError, match=r"Error\(s\) in loading state_dict for ResNet"):
        models.resnet18(weights="DEFAULT")


def test_densenets_old_names():
    make = partial(models.DenseNet, 4, (2, 1), 8, bn_size=1, num_classes=3)
    fnn.manual_seed(0)
    model, other = make(), make()
    state = dict(model.state_dict())
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12]\.)", r"\1.\2", name): x for name, x in state.items()}
    old = {name: x for name, x in old.items() if not name.endswith("num_batches_tracked")}  # younger than those files
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    keys = list(old)
    other.load_state_dict(old)
    assert list(old) == keys  # the caller's dict is his own
    for name, value in other.state_dict().items():
        np.testing.assert_array_equal(np.asarray(value), np.asarray(state[name]))
    assert DenseNet121_Weights.DEFAULT.url.endswith("densenet121-a639ec97.pth")
