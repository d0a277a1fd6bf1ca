"""``python -m fnn.quickstart``: a network trained on real handwritten digits, from data to pictures.

It is written as a user of fnn would write it: `models` holds the networks, `data` the digits, `train` the training
step, its loop and its checkpoint, `show` what the terminal shows, `picture` the figures and `cli` the command line.
"""
