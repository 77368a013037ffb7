#!/usr/bin/env bash
# slurm-up.sh - bring up a real multi-node Slurm cluster on this one machine.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
. "$here/lib.sh"
# shellcheck source=slurm-lab.sh
. "$here/slurm-lab.sh"

usage() {
  cat <<USAGE
usage: slurm-up.sh [options] [NODES]

Installs what is missing, starts a Slurm cluster of NODES nodes (default 4, n1..nN)
and returns when every node takes jobs. When the very same cluster is up already it
is left as it is; another, or a broken one, is taken down first.

  --cpus N          processors each node claims (default 8; need not exist)
  --mem MB          memory each node claims (default 4096)
  --gpus N          make-believe GPUs on each node (default 2; sets CUDA_VISIBLE_DEVICES)
  --no-accounting   no slurmdbd and database: no sacct, accounts or QOS; up in 1 s, not 7
  --private-tmp     give each node a /tmp of its own
  --user NAME       unprivileged user to create and account for (default labuser)
  --set 'Key=Val'   a further line for slurm.conf; may be repeated
  --keep-state      go on with the jobs and accounts of the previous run

Afterwards: srun, sbatch... work as they are, or after . $LAB_ROOT/env.sh;
slurm-node.sh crashes, cuts off and revives nodes; slurm-down.sh ends it all.
USAGE
}

nodes=4 cpus=8 mem=4096 gpus=2 accounting=1 private_tmp=0 user=labuser keep=0 extra=()
orig=("$@")
need() { [[ $2 =~ ^[0-9]+$ ]] || { usage >&2; die "$1 wants a number"; }; }
while (($#)); do
  case $1 in
    --cpus | --mem | --gpus) need "$1" "${2-}"; declare "${1#--}=$2"; shift ;;
    --no-accounting) accounting=0 ;;
    --private-tmp) private_tmp=1 ;;
    --user) user=${2:?--user wants a name}; shift ;;
    --set) extra+=("${2:?--set wants a line}"); shift ;;
    --keep-state) keep=1 ;;
    -h | --help) usage; exit 0 ;;
    *) need NODES "$1"; nodes=$1 ;;
  esac
  shift
done
((nodes >= 1 && nodes <= 250)) || die "NODES must be 1..250"
enter_lab "$LAB_ROOT/lock" "${orig[@]}"

began=$EPOCHREALTIME
elapsed() { awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.1fs", b - a}'; }

wanted=$(printf '%s\n' "NODES=$nodes" "CPUS=$cpus" "MEM=$mem" "GPUS=$gpus" "ACCOUNTING=$accounting" \
  "PRIVATE_TMP=$private_tmp" "LABUSER=$user" "${extra[@]/#/EXTRA=}")
if [[ $wanted == "$(cat "$LAB_ETC/settings" 2>/dev/null)" ]] && lab_healthy; then
  log "up already ($nodes nodes)"
  exit 0
fi

packages=(slurm-wlm munge iproute2 util-linux libpmix2)
((accounting)) && packages+=(slurmdbd slurm-wlm-mysql-plugin mariadb-server)
ensure_packages "${packages[@]}"

"$here/slurm-down.sh" || die "could not take down what was left"
((keep)) || rm -rf "$LAB_ROOT"/{state,db,spool,log,node-local}

# ----------------------------------------------------------- configuration --

id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user" || die "cannot create $user"
mkdir -p "$LAB_RUN" "$LAB_ETC" "$LAB_NODE_LOCAL" "$LAB_ROOT/spool"
install -d -o slurm -g slurm "$LAB_ROOT/state" "$LAB_LOG"
printf '%s\n' "$wanted" >"$LAB_ETC/settings"

{
  cat <<CONF
# Written by slurm-up.sh; changes are lost.
ClusterName=hpclab
SlurmctldHost=ctl($LAB_NET.254)
SlurmUser=slurm
AuthType=auth/munge
AuthInfo=socket=$LAB_ROOT/munge/socket
CommunicationParameters=NoCtldInAddrAny
StateSaveLocation=$LAB_ROOT/state
SlurmdSpoolDir=$LAB_ROOT/spool/%n
SlurmctldPidFile=$LAB_ROOT/state/slurmctld.pid
SlurmdPidFile=$LAB_RUN/slurmd-%n.pid
SlurmctldLogFile=$LAB_LOG/slurmctld.log
SlurmdLogFile=$LAB_LOG/slurmd-%n.log
MailProg=/bin/true

# No cgroups, and processors that do not exist.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
PropagateResourceLimits=NONE
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=$((mem / cpus))
MpiDefault=none

# Quick, so that tests of failures need not wait for minutes: a dead node is
# noticed, and its jobs end as NODE_FAIL, after some 15 s.
SlurmctldTimeout=30
SlurmdTimeout=5
TCPTimeout=1
MessageTimeout=5
KillWait=3
BatchStartTimeout=10
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2

# As on many a large site: what can never run is refused at submission.
EnforcePartLimits=ALL
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobCompType=jobcomp/filetxt
JobCompLoc=$LAB_LOG/jobcomp.log
CONF
  if ((accounting)); then
    cat <<CONF
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=$LAB_NET.254
AccountingStoragePort=$LAB_DBD_PORT
AccountingStoragePass=$LAB_ROOT/munge/socket
AccountingStorageEnforce=associations,limits,qos
AccountingStoreFlags=job_comment,job_env,job_script
CONF
  fi
  gres='' gres_types=''
  ((gpus)) && gres="Gres=gpu:lab:$gpus" gres_types="GresTypes=gpu"
  cat <<CONF
$gres_types

NodeName=n[1-$nodes] NodeAddr=$LAB_NET.[1-$nodes] Sockets=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=$mem $gres
PartitionName=DEFAULT Nodes=ALL State=UP DefaultTime=00:10:00 MaxTime=1-00:00:00
PartitionName=batch   Default=YES PriorityTier=10 PreemptMode=OFF
PartitionName=debug   DefaultTime=00:05:00 PriorityTier=20 PreemptMode=OFF MaxNodes=2 MaxTime=00:05:00 $( ((accounting)) && echo QOS=debug)
PartitionName=preempt PriorityTier=1  PreemptMode=REQUEUE
PartitionName=closed  State=INACTIVE
CONF
  ((${#extra[@]})) && printf '%s\n' '' '# By --set' "${extra[@]}"
} | awk -F= '
  # Slurm takes a key once, but for nodes and partitions: let the last line win.
  {line[NR] = $0; key[NR] = tolower($1); if ($0 ~ /^[A-Za-z]/) last[key[NR]] = NR}
  END {
    for (i = 1; i <= NR; i++)
      if (!(key[i] in last) || last[key[i]] == i || key[i] ~ /^(nodename|partitionname)$/) print line[i]
  }' >"$LAB_ETC/slurm.conf"
((nodes > 1)) || sed -i 's/\[1-1\]/1/g' "$LAB_ETC/slurm.conf"
echo "CgroupAutomount=no" >"$LAB_ETC/cgroup.conf"
echo "PMIxCliTmpDirBase=$LAB_NODE_LOCAL" >"$LAB_ETC/mpi.conf" # not /tmp, which nodes share
rm -f "$LAB_ETC/gres.conf"
if ((gpus)); then # Slurm insists on device files; any will do, for none is constrained
  mkdir -p "$LAB_ROOT/dev"
  for ((i = 0; i < gpus; i++)); do
    [[ -e $LAB_ROOT/dev/gpu$i ]] || mknod -m 666 "$LAB_ROOT/dev/gpu$i" c 1 $((i == 0 ? 3 : 5))
    printf 'Name=gpu Type=lab File=%s\n' "$LAB_ROOT/dev/gpu$i"
  done >"$LAB_ETC/gres.conf"
fi
if ((accounting)); then
  install -o slurm -g slurm -m 0600 /dev/stdin "$LAB_ETC/slurmdbd.conf" <<CONF
DbdHost=localhost
DbdAddr=$LAB_NET.254
DbdPort=$LAB_DBD_PORT
SlurmUser=slurm
AuthType=auth/munge
AuthInfo=socket=$LAB_ROOT/munge/socket
PidFile=$LAB_ROOT/state/slurmdbd.pid
LogFile=$LAB_LOG/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$LAB_DB_PORT
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
CONF
fi
cat >"$LAB_ROOT/env.sh" <<ENV
export SLURM_CONF=$SLURM_CONF
export HPCLAB_SLURM_NODES=$nodes HPCLAB_SLURM_USER=$user HPCLAB_SLURM_ACCOUNTING=$accounting
export HPCLAB_SLURM_NODE_LOCAL=$LAB_NODE_LOCAL  # a directory of each node's own
export HPCLAB_SLURM_HOST_ADDRESS=$LAB_NET.254  # where jobs reach servers on this host
export HPCLAB_SLURM_LOG=$LAB_LOG
ENV
# A cluster that this machine belongs to, or another lab, keeps its place: then env.sh says which is meant.
if [[ ! -e /etc/slurm/slurm.conf || $(readlink /etc/slurm/slurm.conf) == "$SLURM_CONF" ]]; then
  mkdir -p /etc/slurm && ln -sfn "$SLURM_CONF" /etc/slurm/slurm.conf
fi
hosts_up "$LAB_BRIDGE" ctl

# ------------------------------------------------------------------- start --

fail() { log "taking down what was started"; "$here/slurm-down.sh"; exit 1; }

start_controllers() (
  bridge_up && munged_start || exit 1
  if ((accounting)); then
    mariadb_start && slurmdbd_start || exit 1
    if ! sacctmgr -n -P list account format=account | grep -qx lab; then
      # One sacctmgr for all of it; a reply is wanted for each change, hence -i.
      sacctmgr -i >"$LAB_LOG/sacctmgr.log" 2>&1 <<ACCT
add cluster hpclab
add qos debug MaxSubmitJobsPerUser=3 MaxJobsPerUser=1 Priority=100
add account lab Description=lab Organization=lab QOS=normal,debug
add account spent Description=spent Organization=lab QOS=normal GrpTRESMins=cpu=0
add user root Account=lab,spent DefaultAccount=lab
add user $user Account=lab,spent DefaultAccount=lab
ACCT
      sacctmgr -n -P list assoc format=user | grep -qx "$user" ||
        die_with "$LAB_LOG/sacctmgr.log" "the accounts were not set up"
    fi
  fi
  slurmctld_start
)
start_nodes() (
  pids=()
  for node in $(node_names); do
    (node_boot "$node" && slurmd_start "$node") & pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || exit 1; done
)

start_controllers || fail
start_nodes || fail
wait_until 30 all_nodes_usable || { sinfo -N -l >&2; log "not all nodes came up"; fail; }
log "up in $(elapsed): $nodes nodes, $cpus cpus each"
