#!/usr/bin/env bash
# A sweep as a Slurm job array, each task a part of the runs, and a job that puts the parts together:
#
#   export STUDY=study.toml PARTS=50 OUT=parts
#   array=$(sbatch --parsable --array=1-$PARTS configs/clusters/sweep_array.sh)
#   sbatch --dependency=afterok:$array --wrap "tailcast merge $OUT/part-*.csv --out results.csv"
#
# A task that was taken away goes on where it was. Those that failed are sent again by their numbers: --array=7,31.
#SBATCH --job-name=tailcast-sweep
#SBATCH --cpus-per-task=4
#SBATCH --time=01:00:00
#SBATCH --requeue
set -euo pipefail
: "${STUDY:?the file of the study, such as STUDY=study.toml}"
# The same for all tasks: SLURM_ARRAY_TASK_COUNT is another number when only some are sent again.
: "${PARTS:?how many parts the sweep has, such as PARTS=50 with --array=1-50}"
: "${OUT:=parts}"
mkdir -p "$OUT"
part="$OUT/part-$SLURM_ARRAY_TASK_ID.csv"
if [ -e "$part" ]; then exit 0; fi
exec tailcast sweep "$STUDY" --out "$part" --shard "$SLURM_ARRAY_TASK_ID/$PARTS" --jobs "${SLURM_CPUS_PER_TASK:-1}" --quiet
