"""The models' names, arguments, keys, shapes, prints and published weights."""

import json

import jax
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.vision import models
from tests import extent
from tests.vision import quick
from tests.vision.record_models import RECORD, digests, recorded

RECORDED = json.loads(RECORD.read_text())


# -- what they are made of ----------------------------------------------------------------------------


CLASSIFIERS = models.list_models()
OTHERS = extent.some([name for name in RECORDED if name not in CLASSIFIERS], 4)


def test_every_model_is_recorded():
    assert list(RECORDED) == list(recorded())


@pytest.mark.parametrize("name", [*CLASSIFIERS, *OTHERS])
def test_keys_shapes_and_print(name):
    with quick.zeros():
        model = models.get_model(name, **recorded()[name])
    assert digests(model) == RECORDED[name]
    # GoogLeNet's published number is that without its auxiliary heads, the segmentation models' that with them.
    if name != "googlenet" and "weights_backbone" not in recorded()[name]:
        assert RECORDED[name][0] in {w.meta["num_params"] for w in models.get_model_weights(name)}
    assert model.training


def test_the_record_is_torchvisions():
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    for name in ("alexnet", "densenet121", "efficientnet_b0", "mobilenet_v2", "resnet18", "squeezenet1_1", "vgg11_bn"):
        with torch.device("meta"):
            assert digests(getattr(torchvision.models, name)()) == RECORDED[name]


def test_features_as_in_the_tutorials():
    with quick.zeros():
        vgg = models.vgg16()
    assert len(vgg.features) == 31
    assert vgg.features[0].kernel_size == (3, 3) and isinstance(vgg.features[-1], nn.MaxPool2d)
    assert isinstance(vgg.features[:5], nn.Sequential) and vgg.features[:5][0] is vgg.features[0]
    assert [type(m).__name__ for m in vgg.features[28:]] == ["Conv2d", "ReLU", "MaxPool2d"]
    vgg.classifier[6] = nn.Linear(vgg.classifier[6].in_features, 10)
    for parameter in vgg.features.parameters():
        parameter.requires_grad = False
    trained = [name for name, parameter in vgg.named_parameters() if parameter.requires_grad]
    assert trained == [f"classifier.{i}.{name}" for i in (0, 3, 6) for name in ("weight", "bias")]


# -- initial weights ----------------------------------------------------------------------------------

SMALL = {
    "resnet": lambda v: v.resnet.ResNet(v.resnet.Bottleneck, [1, 1, 1, 1], 3, width_per_group=16),
    "resnet_zero": lambda v: v.resnet.ResNet(v.resnet.BasicBlock, [1, 1, 1, 1], 3, zero_init_residual=True),
    "squeezenet": lambda v: v.squeezenet1_1(num_classes=7),
    "mobilenet_v2": lambda v: v.mobilenet_v2(num_classes=7, width_mult=0.25),
    "densenet": lambda v: v.DenseNet(8, (2, 3, 1), 16, num_classes=7),
    "mobilenet_v3": lambda v: v.mobilenet_v3_small(num_classes=7, width_mult=0.25, reduced_tail=True, dilated=True),
    "efficientnet": lambda v: v.EfficientNet([v.efficientnet.MBConvConfig(4, 3, 2, 16, 16, 2)], 0.1, num_classes=7),
    "convnext": lambda v: v.ConvNeXt([v.convnext.CNBlockConfig(8, None, 2)], 0.5, num_classes=7),
    "googlenet": lambda v: v.googlenet(num_classes=7, init_weights=True),
    "vit": lambda v: v.VisionTransformer(8, 4, 2, 2, 8, 12, num_classes=7, representation_size=5),
    "vit_stem": lambda v: v.VisionTransformer(
        8, 4, 1, 2, 8, 12, conv_stem_configs=[v.vision_transformer.ConvStemConfig(6, 4, 4)]
    ),
    "swin": lambda v: v.SwinTransformer([2, 2], 4, [2, 2], [1, 2], [3, 2], num_classes=7),
    "swin_v2": lambda v: v.SwinTransformer(
        [2, 2],
        4,
        [1, 1],
        [1, 2],
        [3, 2],
        block=v.swin_transformer.SwinTransformerBlockV2,
        downsample_layer=v.swin_transformer.PatchMergingV2,
    ),
    "regnet_x": lambda v: v.regnet_x_400mf(num_classes=7),
    "regnet_y": lambda v: v.RegNet(v.regnet.BlockParams([1, 2], [8, 16], [4, 8], [1.0, 0.5], [2, 1], 0.25), 3),
    "maxvit": lambda v: v.MaxVit((24, 24), 4, 3, [8, 8], [1, 2], 4, 0.2, mlp_ratio=2, num_classes=3),
    "mnasnet": lambda v: v.MNASNet(0.1, 3),
    "shufflenet": lambda v: v.ShuffleNetV2([1, 2, 1], [4, 8, 12, 16, 20], num_classes=3),
    "vgg_default": lambda v: v.vgg.make_layers([8, "M", 12]),
    "fcn_head": lambda v: v.segmentation.fcn.FCNHead(64, 3),
    "deeplab_head": lambda v: v.segmentation.deeplabv3.DeepLabHead(16, 3, (1, 2)),
    "video_resnet": lambda v: v.video.VideoResNet(
        v.video.resnet.Bottleneck,
        [v.video.resnet.Conv3DNoTemporal, *[v.video.resnet.Conv3DSimple] * 3],
        [1, 1, 1, 1],
        v.video.resnet.BasicStem,
        3,
    ),
    "mvit": lambda v: v.video.MViT(
        (32, 32),
        4,
        [
            v.video.mvit.MSBlockConfig(2, 8, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 1, 1]),
            v.video.mvit.MSBlockConfig(1, 16, 16, [], [3, 3, 3], [], [1, 2, 2]),
        ],
        residual_pool=True,
        residual_with_cls_embed=True,
        rel_pos_embed=True,
        proj_after_attn=False,
        attention_dropout=0.1,
        num_classes=3,
    ),
    "swin3d": lambda v: v.video.SwinTransformer3d([2, 4, 4], 4, [2, 2], [1, 2], [4, 3, 3], num_classes=3),
}

# The narrowest of these are wide.
LARGE = {
    "lraspp": lambda v: v.segmentation.lraspp_mobilenet_v3_large(weights_backbone=None, num_classes=3),
    "r2plus1d": lambda v: v.video.VideoResNet(
        v.video.resnet.BasicBlock, [v.video.resnet.Conv2Plus1D] * 4, [1, 1, 1, 1], v.video.resnet.R2Plus1dStem, 3
    ),
    "s3d": lambda v: v.video.S3D(3),
}


@pytest.mark.parametrize("case", [*SMALL, *extent.some(LARGE, 1)])
def test_a_seed_gives_torchvisions_weights(case):
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    torch.manual_seed(5), fnn.manual_seed(5)
    make = (SMALL | LARGE)[case]
    theirs, ours = make(torchvision.models), make(models)
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict()) and repr(ours) == repr(theirs)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(np.asarray(state[name]), value.numpy(), rtol=0, atol=1e-6, err_msg=name)
    np.testing.assert_array_equal(np.asarray(fnn.rand(3)), torch.rand(3).numpy())  # as many numbers drawn


def test_weights_of_ones_own_blocks_are_drawn():
    """What the constructor does not draw anew must be what it was."""

    class Gated(models.resnet.BasicBlock):
        def __init__(self, inplanes, planes, *args, **kwargs):
            super().__init__(inplanes, planes, *args, **kwargs)
            self.gate = nn.Linear(planes, 4)

    network = models.ResNet(Gated, [1, 1, 1, 1])
    assert all((np.asarray(stage[0].gate.weight) != 0).all() for stage in (network.layer1, network.layer4))

    block = models.resnet.BasicBlock(4, 4)
    assert (np.asarray(block.conv1.weight) != 0).all()
    assert (np.asarray(models.vgg.make_layers([2])[0].bias) != 0).all()

    scaled = models.MobileNetV2(2, 0.25, [[1, 8, 1, 1]], norm_layer=lambda n: nn.Sequential(nn.Linear(n, 2)))
    assert (np.asarray(scaled.features[1].conv[2][0].weight) != 0).all()


def test_as_a_pair():
    """Under a JAX key the model is a pure function of it."""
    layer = fnn.pure(models.DenseNet)(2, (1,), 4, bn_size=1, num_classes=2)
    before = fnn.get_rng_state()
    params, _ = layer.init(jax.random.key(0))
    np.testing.assert_array_equal(fnn.get_rng_state(), before)
    weights = [x for x in jax.tree.leaves(params) if x.ndim > 1]
    assert len(weights) == 4 and all((np.asarray(x) != 0).all() for x in weights)
