"""How much of the largest tables a run takes: enough for every class, or with ``FNN_TEST_ALL=1`` everything.

Compiling is most of what a test costs, and a suite that takes longer than a few minutes is not run.  `THINNED` names
the parametrised tests that take longest, and of how many of their cases one is run: one of each so many, with
another beginning in each test, so that a class which one leaves out another one takes.
"""

import os
from collections.abc import Iterable
from typing import TypeVar

ALL = os.environ.get("FNN_TEST_ALL") == "1"
_T = TypeVar("_T")


def some(cases: Iterable[_T], most: int) -> list[_T]:
    """At most ``most`` of the cases, evenly chosen, the first among them; all with ``FNN_TEST_ALL=1``."""
    cases = list(cases)
    return cases if ALL else cases[:: max(1, -(-len(cases) // most))]


def thinned(names: Iterable[str]) -> list[bool]:
    """Which of the tests with these names (``"layers/test_properties.py::test_pickles[Conv2d]"``) are run."""
    seen: dict[str, int] = {}
    kept = []
    for name in names:
        path, _, case = name.partition("::")
        function = case.partition("[")[0]
        every = 1 if ALL else THINNED.get(path, {}).get(function, 1)
        n = seen[path + function] = seen.get(path + function, -1) + 1
        kept.append((n + len(function)) % every == 0)
    return kept


# fmt: off
THINNED: dict[str, dict[str, int]] = {
    "data/test_dataloader_state.py": {"test_the_rest_is_what_it_would_have_been": 2},
    "explain/test_faults.py": {"test_numbers": 2},
    "explain/test_reports.py": {"test_words_of_a_change": 2},
    "func/test_loops.py": {"test_map_stacks_and_draws_afresh": 2, "test_modules_made_or_copied_in_a_body_belong_to_it": 2},
    "func/test_repeated_draws.py": {"test_a_draw_that_is_not_repeated_is_fresh_at_each_call": 3},
    "func/test_vmap.py": {"test_derivatives_as_torch": 3, "test_randomness": 2},
    "functional/test_activation.py": {"test_database": 3, "test_derivatives": 3, "test_layers_against_torch": 3, "test_kinks_and_extremes": 3, "test_database_in_half": 2, "test_second_order_is_finite_far_out": 2, "test_jit_and_vmap": 2, "test_database_in_double": 2},
    "functional/test_adaptive_pooling.py": {"test_adaptive_derivatives_and_vmap": 3},
    "functional/test_attention.py": {"test_mha_equals_torch": 3, "test_equals_torch": 2},
    "functional/test_conv.py": {"test_layers": 3, "test_vmap_over_input_weight_or_both": 3, "test_values_and_gradients": 2, "test_half_types_accumulate_in_float32": 2, "test_module_db": 2},
    "functional/test_cpu_convolution.py": {"test_formulation_is_the_definition": 4, "test_transformations_of_what_the_rule_chooses": 3},
    "functional/test_dtypes.py": {"test_dtypes": 4},
    "functional/test_ends_of_range.py": {"test_units": 2},
    "functional/test_fold.py": {"test_values_and_gradients": 2},
    "functional/test_geometries.py": {"test_random_cases": 3},
    "functional/test_grouped.py": {"test_derivatives": 2},
    "functional/test_interpolate.py": {"test_bytes_are_exact": 2, "test_scales": 2, "test_derivatives_and_vmap": 2},
    "functional/test_loss.py": {"test_gradients_of_both_modes": 4, "test_modules": 3, "test_cross_entropy": 3},
    "functional/test_loss_operands.py": {"test_shapes_broadcast_where_torch_broadcasts": 3},
    "functional/test_meshes.py": {"test_eight_devices": 4, "test_value_and_gradient": 3},
    "functional/test_norm.py": {"test_derivatives": 3, "test_two_steps_then_evaluation": 3, "test_database": 3, "test_eager_and_vmap": 2, "test_database_in_half": 2},
    "functional/test_padding.py": {"test_layers": 3, "test_values_and_gradients": 2},
    "functional/test_pooling.py": {"test_derivatives_of_both_modes_and_orders": 4, "test_integers": 2},
    "functional/test_pooling_layers.py": {"test_layer_and_module": 4, "test_unpool_layers": 2},
    "functional/test_scaled.py": {"test_narrow_blocks": 2},
    "functional/test_vision.py": {"test_grid_sample": 4},
    "layers/test_against_torch.py": {"test_pair_values_gradients_and_state": 2, "test_module_values_and_state": 4, "test_module_under_jit": 3, "test_repr": 2, "test_attributes": 2},
    "layers/test_bad_input.py": {"test_bad_input": 2},
    "layers/test_combinators.py": {"test_transformations": 3, "test_gradients": 3, "test_each_part_draws_its_own_numbers": 2},
    "layers/test_module_db.py": {"test_module_inputs": 4},
    "layers/test_properties.py": {"test_check_grads": 4, "test_half_types": 4, "test_vmap_is_a_loop": 4, "test_module_pickles_and_copies": 4, "test_layer_is_a_value": 3},
    "nn/test_adaptive.py": {"test_output_loss_and_gradients": 4, "test_all_classes": 3},
    "nn/test_attention.py": {"test_equals_torch": 3},
    "nn/test_attention_backends.py": {"test_blocks_are_torchs": 2},
    "nn/test_box_as_array.py": {"test_the_same_gradient": 4},
    "nn/test_flex_attention.py": {"test_block_masks_are_torchs": 3, "test_values_are_torchs": 3, "test_errors": 2, "test_dtypes": 2},
    "nn/test_parametrizations.py": {"test_equals_torch": 3},
    "nn/test_recurrent.py": {"test_packed": 3},
    "nn/test_reparametrisations.py": {"test_orthogonal": 3, "test_training": 3},
    "nn/test_tensor_methods.py": {"test_the_value_is_torchs": 4},
    "nn/test_transformer.py": {"test_values_and_gradients": 4, "test_half": 3, "test_copies_pairs_and_dtypes": 3, "test_padding_is_left_out_as_in_torch": 2},
    "optim/test_forms.py": {"test_strict_promotion": 4, "test_complex_parameters_descend_as_torchs": 3, "test_one_optimizer_of_several_models": 3},
    "optim/test_half.py": {"test_ten_steps_as_torch": 3},
    "optim/test_lbfgs.py": {"test_ten_steps_as_torch": 3},
    "optim/test_rules.py": {"test_ten_steps_as_torch": 4, "test_complex_parameters_as_torch": 3, "test_no_weight_decay_is_no_term": 3, "test_a_run_moves_between_torch_and_fnn": 3, "test_sparse_gradients_as_torch": 3, "test_the_transformation_alone": 2, "test_sparse_adam_as_torch": 2},
    "optim/test_sgd_adam.py": {"test_ten_steps_as_torch": 3, "test_the_rule_under_scan": 3},
    "optim/test_subclasses.py": {"test_published_optimizers_as_torch": 4, "test_copies_go_on_alone": 3, "test_sam_as_torch": 3},
    "optim/test_swa.py": {"test_averages_as_torch": 2},
    "optim/test_traces.py": {"test_inner_loops": 3, "test_made_inside_jit": 2},
    "ported/test_ported.py": {"test_losses_are_torchs": 6, "test_every_optimizer": 3},
    "serialization/test_mutations.py": {"test_damage": 2},
    "serialization/test_training_state.py": {"test_there_and_back": 2},
    "state/test_effects.py": {"test_carried_out_as_eagerly": 3},
    "state/test_freed.py": {"test_freed": 2},
    "state/test_numbers.py": {"test_annealed": 3},
    "state/test_stale.py": {"test_numbers_in_objects_of_the_standard_library": 2, "test_data_of_a_class": 2},
    "test_construction.py": {"test_construction_compiles_nothing": 2},
    "test_init.py": {"test_distribution_under_a_key": 2, "test_orthogonal_is_orthogonal": 2},
    "test_scripts.py": {"test_ends_in_silence": 4},
    "vision/test_models.py": {"test_keys_shapes_and_print": 3},
    "vision/test_models_numerics.py": {"test_logits_gradients_and_buffers": 4},
    "vision/test_models_ops.py": {"test_blocks": 2},
}
# fmt: on
