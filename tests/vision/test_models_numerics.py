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
from tests import extent
from tests.vision import quick
from tests.vision.oracle import torch, torchvision

# Every class and every argument, as small as they get; `v` is torchvision.models or fnn.vision.models.
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
}


@fnn.jit
def _step(model, x, cotangent):
    def loss(model):
        out = model(x)
        return (out * cotangent).sum(), out

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
    numbers = np.random.default_rng(0)
    x = numbers.standard_normal((2, 3, size, size))
    cotangent = numbers.standard_normal((2, 3))
    with jax.enable_x64(True):
        ours.double()
        _compare(ours, theirs, x, cotangent)


def _compare(ours, theirs, x, cotangent):
    for training in (False, True):
        ours.train(training), theirs.train(training)
        theirs.zero_grad()
        expected = theirs(torch.from_numpy(x))
        (expected * torch.from_numpy(cotangent)).sum().backward()
        out, grads = _step(ours, jnp.asarray(x), jnp.asarray(cotangent))
        _close(out, expected, f"logits, training={training}")
        gradients = {name: value.grad for name, value in theirs.named_parameters()}
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


def _close(ours, theirs, what, atol=0.0):
    ours, theirs = np.asarray(ours), theirs.detach().numpy()
    assert ours.shape == theirs.shape, what
    assert np.abs(ours - theirs).max() <= 1e-7 * np.abs(theirs).max() + atol, what
