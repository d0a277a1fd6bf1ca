"""Small models of every kind, with inputs: what programs without their code are tried on. Needs no PyTorch."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnn import nn, text
from fnn.vision import models as v

TEXT = dict(vocab_size=50, hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=64)  # fmt: skip
DECODER = dict(TEXT, num_key_value_heads=2, bos_token_id=1, eos_token_id=2, pad_token_id=0)
IMAGE = dict(hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4, image_size=16,
             patch_size=4, num_channels=3)  # fmt: skip
DINO = {name: value for name, value in IMAGE.items() if name != "intermediate_size"} | {"mlp_ratio": 2}
T5 = dict(vocab_size=50, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, decoder_start_token_id=0)
WHISPER = dict(vocab_size=50, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
               decoder_attention_heads=4, encoder_ffn_dim=37, decoder_ffn_dim=37, num_mel_bins=8,
               max_source_positions=16, max_target_positions=32, pad_token_id=0, bos_token_id=1, eos_token_id=2,
               decoder_start_token_id=1)  # fmt: skip

Make = Callable[[], nn.Module]
# name: what makes the model, and one row's shape of each input; ids where there is no more than one axis
ZOO: dict[str, tuple[Make, tuple[tuple[int, ...], ...]]] = {}


def _case(name: str, make: Make, *shapes: tuple[int, ...]) -> None:
    ZOO[name] = make, shapes


def _headless(model: Any, index: int) -> nn.Module:
    model.classifier = nn.Sequential(nn.Linear(model.classifier[index].in_features, 3))
    return model


def _stages(layers: dict[str, str]) -> Any:
    backbone = v.resnet.ResNet(v.resnet.BasicBlock, [1, 1, 1, 1], 3)
    return v.segmentation.deeplabv3.IntermediateLayerGetter(backbone, layers)


def _video_resnet(makers: list[str], stem: str) -> nn.Module:
    r = v.video.resnet
    return v.video.VideoResNet(r.BasicBlock, [getattr(r, m) for m in makers], [1] * 4, getattr(r, stem), 3)


def _mvit() -> nn.Module:
    block = v.video.mvit.MSBlockConfig
    setting = [
        block(1, 8, 8, [3, 3, 3], [3, 3, 3], [1, 1, 1], [1, 2, 2]),
        block(2, 8, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 1, 1]),
    ]
    return v.video.MViT((32, 32), 4, setting, True, False, True, True, num_classes=3)


class _Flow(v.optical_flow.RAFT):
    """With two updates of the flow: of twelve the converter to ONNX makes nodes for minutes."""

    def forward(self, image1: Any, image2: Any) -> Any:
        return super().forward(image1, image2, num_flow_updates=2)


def _raft() -> nn.Module:
    r = v.optical_flow.raft
    encoder = r.FeatureEncoder(block=r.BottleneckBlock, layers=(4, 4, 8, 8, 12), norm_layer=None)
    corr = r.CorrBlock(num_levels=2, radius=1)
    motion = r.MotionEncoder(in_channels_corr=corr.out_channels, corr_layers=(6,), flow_layers=(6, 4), out_channels=8)
    unit = r.RecurrentBlock(input_size=14, hidden_size=6, kernel_size=(3,), padding=(1,))
    update = r.UpdateBlock(
        motion_encoder=motion, recurrent_block=unit, flow_head=r.FlowHead(in_channels=6, hidden_size=4)
    )
    context = r.FeatureEncoder(block=r.ResidualBlock, layers=(4, 4, 8, 8, 12), norm_layer=nn.BatchNorm2d)
    mask = r.MaskPredictor(in_channels=6, hidden_size=8)
    return _Flow(
        feature_encoder=encoder, context_encoder=context, corr_block=corr, update_block=update, mask_predictor=mask
    )


_case("alexnet", lambda: _headless(v.AlexNet(3), 1), (3, 63, 63))
_case("vgg_bn", lambda: _headless(v.VGG(v.vgg.make_layers([4, "M", 512], batch_norm=True), 3), 0), (3, 32, 32))
_case("resnet_basic", lambda: v.resnet.ResNet(v.resnet.BasicBlock, [1, 1, 1, 1], 3), (3, 33, 33))
_case(
    "resnet_bottleneck",
    lambda: v.resnet.ResNet(
        v.resnet.Bottleneck,
        [1, 1, 1, 1],
        3,
        groups=2,
        width_per_group=4,
        replace_stride_with_dilation=[False, True, True],
    ),
    (3, 33, 33),
)
_case("squeezenet", lambda: v.squeezenet1_1(num_classes=7), (3, 48, 48))
_case("densenet", lambda: v.DenseNet(8, (2, 3, 1), 16, num_classes=7), (3, 48, 48))
_case("mobilenet_v2", lambda: v.mobilenet_v2(num_classes=7, width_mult=0.25), (3, 40, 40))
_case("mobilenet_v3", lambda: v.mobilenet_v3_small(num_classes=7, width_mult=0.25), (3, 40, 40))
_case(
    "efficientnet",
    lambda: v.EfficientNet([v.efficientnet.MBConvConfig(4, 3, 2, 16, 16, 2)], 0.1, num_classes=7),
    (3, 40, 40),
)
_case(
    "efficientnet_v2",
    lambda: v.EfficientNet([v.efficientnet.FusedMBConvConfig(4, 3, 2, 16, 16, 2)], 0.1, num_classes=7, last_channel=24),
    (3, 40, 40),
)
_case("convnext", lambda: v.ConvNeXt([v.convnext.CNBlockConfig(8, None, 2)], 0.5, num_classes=7), (3, 32, 32))
_case("googlenet", lambda: v.googlenet(num_classes=7, init_weights=False), (3, 64, 64))
_case("inception_v3", lambda: v.inception_v3(num_classes=7, init_weights=False, aux_logits=False), (3, 75, 75))
_case(
    "vision_transformer",
    lambda: v.VisionTransformer(8, 4, 2, 2, 8, 12, num_classes=7, representation_size=5),
    (3, 8, 8),
)
_case("swin", lambda: v.SwinTransformer([2, 2], 4, [2, 2], [1, 2], [3, 2], num_classes=7), (3, 18, 18))
_case(
    "swin_v2",
    lambda: v.SwinTransformer(
        [2, 2],
        4,
        [1, 1],
        [1, 2],
        [3, 2],
        num_classes=7,
        block=v.swin_transformer.SwinTransformerBlockV2,
        downsample_layer=v.swin_transformer.PatchMergingV2,
    ),
    (3, 18, 18),
)
_case(
    "regnet",
    lambda: v.RegNet(v.regnet.BlockParams([1, 2], [8, 16], [4, 8], [1.0, 0.5], [2, 1], 0.25), 3),
    (3, 32, 32),
)
_case("maxvit", lambda: v.MaxVit((24, 24), 4, 3, [8, 8], [1, 2], 4, 0.2, mlp_ratio=2, num_classes=3), (3, 24, 24))
_case("mnasnet", lambda: v.MNASNet(0.1, 3), (3, 33, 33))
_case("shufflenet", lambda: v.ShuffleNetV2([1, 2, 1], [4, 8, 12, 16, 20], num_classes=3), (3, 40, 40))
_case(
    "fcn",
    lambda: v.segmentation.FCN(
        _stages({"layer4": "out", "layer3": "aux"}),
        v.segmentation.fcn.FCNHead(512, 3),
        v.segmentation.fcn.FCNHead(256, 3),
    ),
    (3, 33, 40),
)
_case(
    "deeplab",
    lambda: v.segmentation.DeepLabV3(
        _stages({"layer4": "out"}), v.segmentation.deeplabv3.DeepLabHead(512, 3, (1, 2, 3))
    ),
    (3, 33, 40),
)
_case(
    "lraspp",
    lambda: v.segmentation.lraspp_mobilenet_v3_large(weights_backbone=None, num_classes=3),
    (3, 65, 48),
)
_case("r3d", lambda: _video_resnet(["Conv3DSimple"] * 4, "BasicStem"), (3, 4, 24, 24))
_case("mc3", lambda: _video_resnet(["Conv3DSimple", *["Conv3DNoTemporal"] * 3], "BasicStem"), (3, 3, 24, 24))
_case("r2plus1d", lambda: _video_resnet(["Conv2Plus1D"] * 4, "R2Plus1dStem"), (3, 4, 24, 24))
_case("mvit", _mvit, (3, 4, 32, 32))
_case(
    "swin3d", lambda: v.video.SwinTransformer3d([2, 4, 4], 4, [2, 2], [1, 2], [4, 3, 3], num_classes=3), (3, 3, 20, 23)
)
_case("raft", _raft, (3, 32, 40), (3, 32, 40))

for _name, _config, _fields in (
    ("GPT2LMHeadModel", "GPT2Config", dict(vocab_size=50, n_embd=32, n_layer=2, n_head=4, n_positions=64)),
    ("LlamaForCausalLM", "LlamaConfig", DECODER),
    ("MistralForCausalLM", "MistralConfig", dict(DECODER, sliding_window=5)),
    ("Qwen2ForCausalLM", "Qwen2Config", DECODER),
    ("Qwen3ForCausalLM", "Qwen3Config", dict(DECODER, head_dim=8)),
    ("GemmaForCausalLM", "GemmaConfig", dict(DECODER, head_dim=8)),
    ("Gemma2ForCausalLM", "Gemma2Config", dict(DECODER, head_dim=8, sliding_window=5)),
    ("BertModel", "BertConfig", TEXT),
    ("BertForSequenceClassification", "BertConfig", TEXT),
    ("RobertaForMaskedLM", "RobertaConfig", TEXT),
    (
        "DistilBertForQuestionAnswering",
        "DistilBertConfig",
        dict(vocab_size=50, dim=32, hidden_dim=37, n_layers=2, n_heads=4, max_position_embeddings=64),
    ),
    ("T5EncoderModel", "T5Config", T5),
):
    _case(
        _name,
        lambda name=_name, config=_config, fields=_fields: getattr(text, name)(getattr(text, config)(**fields)),
        (9,),
    )
for _name, _config, _fields in (
    ("ViTForImageClassification", "ViTConfig", IMAGE),
    ("Dinov2Model", "Dinov2Config", DINO),
    ("CLIPVisionModelWithProjection", "CLIPVisionConfig", dict(IMAGE, projection_dim=16)),
):
    _case(
        _name,
        lambda name=_name, config=_config, fields=_fields: getattr(text, name)(getattr(text, config)(**fields)),
        (3, 16, 16),
    )
_case("WhisperModel", lambda: text.WhisperModel(text.WhisperConfig(**WHISPER)), (8, 32))


def made(name: str) -> tuple[nn.Module, list[np.ndarray]]:
    """The model in evaluation mode, with numbers everywhere that matter, and inputs with three rows."""
    make, shapes = ZOO[name]
    model = make().eval()
    numbers = np.random.default_rng(0)
    for parameter in model.parameters():  # a classifier that starts with zeros would hide everything
        if parameter.ndim > 1 and not np.asarray(parameter).any():
            parameter.data = jnp.asarray(numbers.normal(0, 0.2, parameter.shape), jnp.float32)
    inputs = [
        numbers.integers(3, 50, (3, *shape)).astype(np.int32)
        if len(shape) == 1
        else numbers.standard_normal((3, *shape)).astype(np.float32)
        for shape in shapes
    ]
    if name == "WhisperModel":
        inputs.append(numbers.integers(3, 50, (3, 5)).astype(np.int32))
    return model, inputs
