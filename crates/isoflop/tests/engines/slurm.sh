#!/usr/bin/env bash
# A real Slurm of one node in a folder, for tests.
#   slurm.sh start DIR CTLD_PORT SLURMD_PORT | stop DIR | kill DIR slurmctld|slurmd | revive DIR slurmctld|slurmd
# Needs: slurm-wlm slurmctld slurmd slurm-client munge (Debian's names).
set -euo pipefail
action=$1 D=$2
export PATH=$PATH:/usr/sbin SLURM_CONF=$D/etc/slurm.conf

running() { [ -s "$D/run/$1.pid" ] && kill -0 "$(cat "$D/run/$1.pid")" 2>/dev/null; }
revive() { "$1" -f "$SLURM_CONF"; }

case $action in
start)
  for program in munged slurmctld slurmd sbatch; do
    command -v $program >/dev/null || { echo "no $program: apt-get install -y --no-install-recommends slurm-wlm slurmctld slurmd slurm-client munge" >&2; exit 1; }
  done
  mkdir -p "$D"/{etc,state,spool,log,run}; chmod 755 "$D" "$D/run"
  head -c 1024 /dev/urandom >"$D/run/munge.key"; chmod 400 "$D/run/munge.key"
  munged --force --key-file="$D/run/munge.key" --socket="$D/run/munge.sock" \
    --pid-file="$D/run/munged.pid" --log-file="$D/log/munged.log" --seed-file="$D/run/munge.seed"
  cat >"$SLURM_CONF" <<CONF
ClusterName=isofloptest
SlurmctldHost=$(hostname -s)(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$D/run/munge.sock
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=$3
SlurmdPort=$4
StateSaveLocation=$D/state
SlurmdSpoolDir=$D/spool
SlurmctldPidFile=$D/run/slurmctld.pid
SlurmdPidFile=$D/run/slurmd.pid
SlurmctldLogFile=$D/log/slurmctld.log
SlurmdLogFile=$D/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1
SlurmdTimeout=15
KillWait=5
MinJobAge=${MIN_JOB_AGE:-300}
JobRequeue=1
JobAcctGatherType=jobacct_gather/linux
SlurmdParameters=config_overrides
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  revive slurmctld; revive slurmd
  for _ in $(seq 1200); do
    [ "$(sinfo -h -o %T 2>/dev/null)" = idle ] && exit 0
    sleep .05
  done
  echo "Slurm did not come up:" >&2; tail -5 "$D"/log/*.log >&2; exit 1 ;;
kill) kill -9 "$(cat "$D/run/$3.pid")"; while running "$3"; do sleep .01; done ;;
revive) revive "$3" ;;
stop)
  # Gone means that nothing writes to the folder any more: whoever started it may remove it.
  for daemon in slurmd slurmctld munged; do
    running $daemon || continue
    pid=$(cat "$D/run/$daemon.pid")
    kill "$pid"
    for _ in $(seq 400); do
      kill -0 "$pid" 2>/dev/null || continue 2
      sleep .05
    done
    kill -9 "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep .05; done
  done ;;
esac
