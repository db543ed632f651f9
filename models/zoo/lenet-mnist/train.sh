#!/bin/sh
# Every stage of the committed network, in order. About four hours on one core.
#   ./train.sh RUNS [START]
# START: float weights of this network, trained plainly. The committed network started from one of
# 99.52 % on the test images, trained on all 60,000 training images; without START one is trained here.
set -eu
runs=$1
start=${2:-$runs/float/last.pt}
train() { python3 "$(dirname "$0")/train.py" "$@"; }
quantise() { run=$1; shift; train quantise "$runs/$run" --start "$start" "$@"; }

[ -e "$start" ] || train float "$runs/float" --epochs 40

# Ternary weights in the wide dense layer, then more and more zeros in it. (In the first stage of the
# committed network the threshold was half the learned scale; it came to 66 % zeros by itself.)
quantise ternary --epochs 16 --zeros 0.66 0.66
quantise sparse --epochs 8 --zeros 0.66 0.87 --strength 0.9 --initial "$runs/ternary/last.pt"

# A teacher's answers on strongly and on slightly distorted images.
train teacher "$runs/teacher" --epochs 20
train distil "$runs/strong" --teachers "$runs/teacher" --epochs 10
train distil "$runs/slight" --teachers "$runs/teacher" --epochs 3 --offset 100 --strength 0.3
quantise distilled --epochs 26 --zeros 0.87 0.93 --distilled "$runs/strong" --offset 5 --seed 2 --initial "$runs/sparse/last.pt"
quantise tuned --epochs 6 --rate 2e-4 --zeros 0.93 0.93 --distilled "$runs/slight" --initial "$runs/distilled/last.pt"

# Narrower last layer and accumulators of at most 15 bits: 132 samples side by side instead of 104.
mkdir -p "$runs/mix1" "$runs/mix2"
cp "$runs"/strong/epoch-00[0-4].npz "$runs"/slight/*.npz "$runs/mix1"
cp "$runs"/strong/epoch-00[5-8].npz "$runs"/slight/*.npz "$runs/mix2"
narrow="--limits 15 7 1 7 --activations 6 6 5 --zeros 0.93 0.93 --bounds 900 15500 15500 15500"
quantise narrow1 $narrow --epochs 8 --rate 3e-4 --distilled "$runs/mix1" --initial "$runs/tuned/last.pt" \
  --initial-limits 15 7 1 31 --initial-activations 6 6 6
quantise narrow2 $narrow --epochs 7 --rate 4e-4 --distilled "$runs/mix2" --initial "$runs/narrow1/last.pt" --seed 5

train export "$runs/narrow2" --start "$start" --limits 15 7 1 7 --activations 6 6 5 --out "$runs"
