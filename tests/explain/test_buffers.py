"""What is read off XLA's text of a compiled program."""

import pytest

from fnn.explain._buffers import Buffer, arrays_of, largest

TEXT = """\
HloModule jit_step, is_scheduled=true

%fused (p: f32[4]) -> f32[900,900] {
  %p = f32[4]{0} parameter(0)
  ROOT %inside = f32[900,900]{1,0} broadcast(%p), dimensions={0}, metadata={op_name="jit(step)/Net/fused/mul"}
}

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(%a, %b)
}

%body (s: (f32[4], s32[])) -> (f32[4], s32[]) {
  %s = (f32[4]{0}, s32[]) parameter(0)
  %part = f32[4]{0} get-tuple-element(%s), index=0
  %wide = bf16[70,50]{1,0:T(8,128)} convert(%part), metadata={op_name="jit(step)/Net/loop/while/body/convert"}
  ROOT %next = (f32[4]{0}, s32[]) tuple(%part, %part)
}

ENTRY %main (x: f32[4]) -> (f32[99,99], f32[]) {
  %x = f32[999,999]{1,0} parameter(0), metadata={op_name="x"}
  %view = f32[999,999]{1,0} bitcast(%x)
  %result = f32[99,99]{1,0} fusion(%x), kind=kLoop, calls=%fused, metadata={op_name="jit(step)/Net/head/add"}
  %two = (pred[60,60]{1,0}, u8[3]{0}) fusion(%x), kind=kLoop, calls=%fused, metadata={op_name="jit(step)/Net/two/eq"}
  %loop = (f32[4]{0}, s32[]) while(%x), condition=%cond, body=%body
  %total = f32[] reduce(%x, %x), dimensions={0}, to_apply=%add
  ROOT %out = (f32[99,99]{1,0}, f32[]) tuple(%result, %total)
}
"""


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("%", "")], ids=["with signs", "without"])
def test_the_largest_array_is_no_argument_result_view_or_part_of_a_fusion(text):
    assert largest(text) == Buffer("bfloat16", (70, 50), 7000, "jit(step)/Net/loop/while/body/convert")
    without = text.replace("bf16[70,50]", "bf16[7,5]")
    assert largest(without) == Buffer("bool", (60, 60), 3600, "jit(step)/Net/two/eq")


def test_a_program_without_arrays():
    assert (
        largest("HloModule empty\n\nENTRY %main (x: f32[4]) -> f32[4] {\n  ROOT %x = f32[4]{0} parameter(0)\n}") is None
    )


def test_arrays_of_a_type():
    assert arrays_of("(f32[2,3]{1,0}, s32[], pred[5], s4[6])") == [
        ("f32", (2, 3), 24), ("s32", (), 4), ("pred", (5,), 5), ("s4", (6,), 6),
    ]  # fmt: skip
