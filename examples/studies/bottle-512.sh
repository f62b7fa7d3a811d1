#!/bin/sh
# The paper's protocol on bottle, then smaller images, then TernausNet-16 from VGG-16's weights.
# sh bottle-512.sh DATA RESULTS VGG16_FILE [options of run, such as --device cuda --jobs 5]
set -eu
data=$1 results=$2 vgg16=$3
shift 3
here=$(dirname "$0")
study() {
  python -m benchmark run --dataset mvtec-ad --data-root "$data" --results "$results" --profile "$here/bottle-full.toml" "$@"
}
study --all "$@"
study --method unet ternausnet16 albunet albunet_nbr_cap --seed 0 1 --set image_size=256 "$@"
study --method ternausnet16 --set "weights_files.ternausnet16=$vgg16" "$@"
