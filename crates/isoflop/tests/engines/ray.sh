#!/usr/bin/env bash
# A real Ray of one node in a folder, for tests.
#   ray.sh start DIR PORT DASHBOARD_PORT | kill-head DIR | stop DIR
# Needs `ray` of PyPI's ray[default]: on the PATH, or its folder in RAY_BIN.
# The token of the cluster comes in RAY_AUTH_TOKEN.
set -euo pipefail
action=$1 D=$2
export PATH=${RAY_BIN:+$RAY_BIN:}$PATH RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0

# Processes of this Ray, known by its folder.
ours() { pgrep -f -- "$D/[t]mp" || true; }

case $action in
start)
  command -v ray >/dev/null || { echo 'no ray: python3 -m venv VENV && VENV/bin/pip install "ray[default]", then RAY_BIN=VENV/bin' >&2; exit 1; }
  mkdir -p "$D/tmp" "$D/log"; echo "$3 $4" > "$D/ports"
  ray start --head --node-ip-address=127.0.0.1 --port="$3" --dashboard-host=127.0.0.1 \
    --dashboard-port="$4" --dashboard-agent-listen-port=0 --metrics-export-port=0 --num-cpus=2 \
    --object-store-memory=100000000 --temp-dir="$D/tmp" --disable-usage-stats >"$D/log/start" 2>&1 \
    || { cat "$D/log/start" >&2; exit 1; }
  for _ in $(seq 1200); do
    curl -sf -m 2 -H "Authorization: Bearer $RAY_AUTH_TOKEN" "http://127.0.0.1:$4/api/jobs/" >/dev/null && exit 0
    sleep .1
  done
  echo "Ray's dashboard did not come up" >&2; exit 1 ;;
kill-head)
  pkill -9 -f "[g]cs_server.*$D/tmp" ;;
stop)
  for pid in $(ours); do kill "$pid" 2>/dev/null || true; done
  sleep 1
  for pid in $(ours); do kill -9 "$pid" 2>/dev/null || true; done ;;
esac
