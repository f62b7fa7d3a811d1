#!/bin/sh
# One setting at a time, from those of bottle-small.toml.
# sh bottle-settings.sh DATA RESULTS [options of run, such as --jobs 2]
set -eu
data=$1 results=$2
shift 2
here=$(dirname "$0")
study() {
  python -m benchmark run --all --dataset mvtec-ad --data-root "$data" --results "$results" \
    --profile "$here/bottle-small.toml" "$@"
}
study "$@"
for change in learning_rate=2e-4 learning_rate=1e-3 shots_per=category width=0.25 image_size=256 width=0.5; do
  study --set "$change" "$@"
done
