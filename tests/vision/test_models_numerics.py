"""With torchvision's weights: the same logits, gradients and buffers, in eval and in train mode.

In double precision, where a relu that sees 1e-8 in one program and -1e-8 in the other is no excuse.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.vision import models
from fnn.vision.models.video import _multiscale
from tests import extent
from tests.vision import quick
from tests.vision.oracle import torch, torchvision


def _stages(v, backbone):
    """The last stage's output, and the one before for an auxiliary classifier."""
    return v.segmentation.deeplabv3.IntermediateLayerGetter(backbone, {"layer4": "out", "layer3": "aux"})


def _mvit(v, *blocks, residual, relative, late):
    setting = [v.video.mvit.MSBlockConfig(*block) for block in blocks]
    return v.video.MViT((32, 32), 4, setting, residual, False, relative, late, num_classes=3)


def _video_resnet(v, block, makers, stem):
    module = v.video.resnet
    makers = [getattr(module, maker) for maker in makers]
    return v.video.VideoResNet(getattr(module, block), makers, [1] * 4, getattr(module, stem), 3)


# Every class and every argument, as small as they get; `v` is torchvision.models or fnn.vision.models.
# With each the sides of the image, or of the frames and the images.
CASES = {
    "vgg_bn": (lambda v: v.VGG(v.vgg.make_layers([4, "M", 512], batch_norm=True), 3, dropout=0.0), 32),
    "alexnet": (lambda v: v.AlexNet(3, dropout=0.0), 63),
    "basic": (lambda v: v.resnet.ResNet(v.resnet.BasicBlock, [1, 1, 1, 1], 3), 33),
    "bottleneck": (
        lambda v: v.resnet.ResNet(
            v.resnet.Bottleneck,
            [1, 1, 1, 2],
            num_classes=3,
            zero_init_residual=True,
            groups=2,
            width_per_group=4,
            replace_stride_with_dilation=[False, True, True],
        ),
        33,
    ),
    "squeezenet1_1": (lambda v: v.squeezenet1_1(num_classes=3, dropout=0.0), 48),
    "densenet": (lambda v: v.DenseNet(4, (2, 2), 8, bn_size=2, num_classes=3), 48),
    "mobilenet_v2": (
        lambda v: v.MobileNetV2(3, 0.25, [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 1, 2]], dropout=0.0),
        40,
    ),
    "mobilenet_v3": (
        lambda v: v.MobileNetV3(
            [
                v.mobilenetv3.InvertedResidualConfig(16, 3, 32, 16, True, "HS", 1, 1, 0.5),
                v.mobilenetv3.InvertedResidualConfig(16, 5, 32, 24, False, "RE", 2, 2, 0.5),
            ],
            last_channel=8,
            num_classes=3,
            dropout=0.0,
        ),
        24,
    ),
    "efficientnet": (
        lambda v: v.EfficientNet(
            [
                v.efficientnet.FusedMBConvConfig(1, 3, 1, 8, 8, 1),
                v.efficientnet.FusedMBConvConfig(4, 3, 2, 8, 16, 1),
                v.efficientnet.MBConvConfig(4, 3, 1, 16, 16, 2, depth_mult=0.6),
            ],
            dropout=0.0,
            stochastic_depth_prob=0.0,
            num_classes=3,
            last_channel=24,
        ),
        24,
    ),
    "convnext": (
        lambda v: v.ConvNeXt(
            [v.convnext.CNBlockConfig(8, 12, 1), v.convnext.CNBlockConfig(12, None, 2)], layer_scale=0.5, num_classes=3
        ),
        32,
    ),
    "vit": (lambda v: v.VisionTransformer(8, 4, 1, 2, 8, 12, num_classes=3, representation_size=5), 8),
    "vit_stem": (
        lambda v: v.VisionTransformer(
            8, 4, 1, 2, 8, 12, num_classes=3, conv_stem_configs=[v.vision_transformer.ConvStemConfig(6, 4, 4)]
        ),
        8,
    ),
    "swin": (
        lambda v: v.SwinTransformer([2, 2], 4, [2], [2], [3, 2], stochastic_depth_prob=0.0, num_classes=3),
        18,
    ),
    "swin_v2": (
        lambda v: v.SwinTransformer(
            [2, 2],
            4,
            [1, 1],
            [1, 2],
            [3, 2],
            stochastic_depth_prob=0.0,
            num_classes=3,
            block=v.swin_transformer.SwinTransformerBlockV2,
            downsample_layer=v.swin_transformer.PatchMergingV2,
        ),
        14,
    ),
    "regnet": (
        lambda v: v.RegNet(v.regnet.BlockParams([2], [16], [8], [0.5], [2], 0.25), 3, stem_width=4),
        24,
    ),
    "maxvit": (lambda v: v.MaxVit((24, 24), 4, 3, [8], [1], 4, 0.0, mlp_ratio=2, num_classes=3), 24),
    "mnasnet": (lambda v: v.MNASNet(0.1, 3, dropout=0.0), 33),
    "shufflenet": (lambda v: v.ShuffleNetV2([1, 2, 1], [4, 8, 12, 16, 20], num_classes=3), 40),
    "fcn": (
        lambda v: v.segmentation.FCN(
            _stages(v, v.resnet.ResNet(v.resnet.BasicBlock, [1, 1, 1, 1], 3)),
            v.segmentation.fcn.FCNHead(512, 3),
            v.segmentation.fcn.FCNHead(256, 3),
        ),
        (65, 40),
    ),
    "deeplab": (
        lambda v: v.segmentation.DeepLabV3(
            _stages(v, v.resnet.ResNet(v.resnet.BasicBlock, [1, 1, 1, 1], 3)),
            v.segmentation.deeplabv3.DeepLabHead(512, 3, (1, 2, 3)),
        ),
        (65, 40),
    ),
    "lraspp": (
        lambda v: v.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3),
        (65, 48),
    ),
    "deeplab_mobilenet": (
        lambda v: v.segmentation.deeplabv3_mobilenet_v3_large(weights_backbone=None, num_classes=3, aux_loss=True),
        (65, 48),
    ),
    "r3d": (lambda v: _video_resnet(v, "BasicBlock", ["Conv3DSimple"] * 4, "BasicStem"), (8, 40, 40)),
    "mc3": (
        lambda v: _video_resnet(v, "Bottleneck", ["Conv3DSimple", *["Conv3DNoTemporal"] * 3], "BasicStem"),
        (3, 40, 40),
    ),
    "r2plus1d": (lambda v: _video_resnet(v, "BasicBlock", ["Conv2Plus1D"] * 4, "R2Plus1dStem"), (8, 40, 40)),
    "s3d": (lambda v: v.video.S3D(3, dropout=0.0), (14, 193, 193)),
    "mvit_v1": (
        lambda v: _mvit(
            v,
            (1, 8, 16, [], [3, 3, 3], [], [1, 2, 2]),
            (2, 16, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 1, 1]),
            residual=False,
            relative=False,
            late=False,
        ),
        (4, 32, 32),
    ),
    "mvit_v2": (
        lambda v: _mvit(
            v,
            (1, 8, 8, [3, 3, 3], [3, 3, 3], [1, 1, 1], [1, 2, 2]),
            (2, 8, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 1, 1]),
            residual=True,
            relative=True,
            late=True,
        ),
        (4, 32, 32),
    ),
    "swin3d": (
        lambda v: v.video.SwinTransformer3d(
            [2, 4, 4], 8, [2, 2], [2, 2], [4, 3, 3], stochastic_depth_prob=0.0, num_classes=3
        ),
        (5, 27, 30),
    ),
}


def _named(out):
    return out if isinstance(out, dict) else {"logits": out}


@fnn.jit
def _step(model, x, cotangents):
    def loss(model):
        out = _named(model(x))
        return sum((out[name] * cotangents[name]).sum() for name in out), out

    (_, out), grads = fnn.value_and_grad(loss, has_aux=True)(model)
    return out, grads


def _two(make):
    """torchvision's model, with numbers everywhere that matter, and ours with the same."""
    with torch.device("meta"):
        theirs = make(torchvision.models)
    with quick.zeros():
        ours = make(models)
    if isinstance(ours, (models.VGG, models.AlexNet)):
        # As users do for their own classes; also spares these tests a hundred million weights.
        width = ours.classifier[0 if isinstance(ours, models.VGG) else 1].in_features
        theirs.classifier = torch.nn.Sequential(torch.nn.Linear(width, 3))
        ours.classifier = nn.Sequential(nn.Linear(width, 3))
    theirs = theirs.to_empty(device="cpu")
    torch.manual_seed(0)
    made = ours.state_dict()
    for name, value in theirs.state_dict().items():
        if name.endswith("relative_position_index"):
            value.copy_(torch.from_numpy(np.array(made[name], np.int64)))
        elif value.ndim > 1:
            torch.nn.init.kaiming_normal_(value)
        elif name.endswith(("weight", "running_var")):
            value.uniform_(0.5, 1.5)
        elif value.is_floating_point():
            value.normal_(0, 0.1)
        else:
            value.fill_(3)
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    return ours, theirs


@pytest.mark.parametrize("case", extent.some(CASES, 9))
def test_logits_gradients_and_buffers(case):
    make, size = CASES[case]
    ours, theirs = _two(make)
    theirs.double()
    x = np.random.default_rng(0).standard_normal((2, 3, *((size, size) if isinstance(size, int) else size)))
    with jax.enable_x64(True):
        ours.double()
        for model in (ours, theirs):
            for module in model.modules():
                if type(module).__name__ == "Dropout":
                    module.p = 0.0
        _compare(ours, theirs, x)


def _compare(ours, theirs, x):
    numbers = np.random.default_rng(1)
    for training in (False, True):
        ours.train(training), theirs.train(training)
        theirs.zero_grad()
        expected = _named(theirs(torch.from_numpy(x)))
        cotangents = {name: numbers.standard_normal(value.shape) for name, value in expected.items()}
        sum((value * torch.from_numpy(cotangents[name])).sum() for name, value in expected.items()).backward()
        out, grads = _step(ours, jnp.asarray(x), {name: jnp.asarray(value) for name, value in cotangents.items()})
        assert list(out) == list(expected)
        for name, value in expected.items():
            _close(out[name], value, f"{name}, training={training}")
        gradients = {name: value.grad for name, value in theirs.named_parameters() if value.grad is not None}
        # of a bias that a normalisation takes away again, both compute nothing but rounding errors
        noise = 1e-12 * max(g.abs().max().item() for g in gradients.values())
        for name, gradient in gradients.items():
            _close(grads[name], gradient, f"{name}, training={training}", noise)
    buffers = dict(ours.named_buffers())
    for name, value in theirs.named_buffers():
        _close(buffers[name].data, value, name)


INCEPTIONS = {
    "googlenet": (lambda v: v.googlenet(num_classes=3, init_weights=False, dropout=0.0, dropout_aux=0.0), 33),
    "inception_v3": (lambda v: v.inception_v3(num_classes=3, init_weights=False, dropout=0.0, aux_logits=False), 75),
}


@pytest.mark.parametrize("case", INCEPTIONS)
def test_outputs_in_training(case):
    make, size = INCEPTIONS[case]
    ours, theirs = _two(make)
    ours.transform_input = theirs.transform_input = True
    theirs.double()
    x = np.random.default_rng(0).standard_normal((2, 3, size, size))
    with jax.enable_x64(True):
        ours.double()
        out, expected = fnn.jit(lambda model, x: model(x))(ours, jnp.asarray(x)), theirs(torch.from_numpy(x))
        if case == "googlenet":
            assert out._fields == expected._fields == ("logits", "aux_logits2", "aux_logits1")
            for name in out._fields:
                _close(getattr(out, name), getattr(expected, name), name)
        else:
            _close(out, expected, "logits")


def test_distances_are_cut_as_torchvisions():
    """In single precision, where 11 * (26 / 22) is less than 13."""
    for queries, keys in ((22, 26), (39, 33), (4, 8), (5, 3)):
        rows = 2 * max(queries, keys) - 1
        logits = torchvision.models.video.mvit._add_rel_pos(
            torch.zeros(1, 1, 1 + queries, 1 + keys),
            torch.ones(1, 1, 1 + queries, 1),
            (1, 1, queries),
            (1, 1, keys),
            torch.zeros(1, 1),
            torch.arange(rows)[:, None].float(),
            torch.zeros(1, 1),
        )
        ours = _multiscale._distances(jnp.arange(rows)[:, None], queries, keys)
        np.testing.assert_array_equal(np.asarray(ours)[..., 0], logits[0, 0, 1:, 1:].numpy())


def _close(ours, theirs, what, atol=0.0):
    ours, theirs = np.asarray(ours), theirs.detach().numpy()
    assert ours.shape == theirs.shape, what
    assert np.abs(ours - theirs).max() <= 1e-6 * np.abs(theirs).max() + atol, what
