#!/bin/sh
# The readings of the paper that change the training, one at a time, on two categories of the embedded data.
# sh readings.sh RESULTS [options of run, such as --jobs 2]
set -eu
results=$1
shift
study() {
  python -m benchmark run --category carpet hazelnut --shots 1 --method albunet albunet_nbr albunet_nbr_cap \
    --results "$results" "$@"
}
separate=batch_norm_passes=separate
study --set $separate "$@"
for reading in shots_per=category bce_reduction=mean mask_downsample=nearest mask_downsample=area \
  background_average=background lambda_gradient=flows normal_batches_per_defect_batch=4; do
  study --set $separate "$reading" "$@"
done
study --set batch_norm_passes=joint "$@"
