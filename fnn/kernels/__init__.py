"""How an operation runs on a backend: nothing here changes a result, and nothing here is for users.

A formula in `fnn.functional` calls these where XLA, or one of its backends, needs more than the formula to be fast, to
stay in range or to know about a mesh of devices: primitives with lowerings of their own, and the choice between ways
to compute the same.  The scripts that measured the choices are named beside their thresholds.

`sums`, `squares`, `moments` reduce; `windows` and `tiles` pool; `resample` and `taps` take weighted sums of elements;
`convolve` and `cpu_convolution` convolve; `mesh` knows what a type says of devices, `memory` holds on to pages.
"""
