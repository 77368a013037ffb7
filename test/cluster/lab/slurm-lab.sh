# shellcheck shell=bash disable=SC2034,SC2154
# slurm-lab.sh - layout and parts of the Slurm lab. Source it, after lib.sh, with
# $here set to this directory; do not run it.
#
#   host = login node, and controller "ctl"      NET.254 on a bridge
#     munged [mariadbd slurmdbd] slurmctld         with sockets, keys, state of their own
#   node nK = namespaces net uts ipc mount pid   NET.K, hostname nK
#     init (bash, pid 1) > slurmd > job steps      file system and /tmp shared with the
#                                                  host; /dev/shm and node-local/ its own
#
# So a node is as good as a machine: killing its init ends all that runs on it at
# once, taking its link down cuts it off, and MPI sees distinct hosts.

LAB_TAG=slurm-lab
LAB_ROOT=${LAB_SLURM_ROOT:-/var/lib/hpclab/slurm}
LAB_RUN=$LAB_ROOT/run
LAB_LOG=$LAB_ROOT/log
LAB_ETC=$LAB_ROOT/etc
LAB_NODE_LOCAL=$LAB_ROOT/node-local  # one path, another directory on each node
LAB_NET=${LAB_NET:-198.18.77}        # out of RFC 2544's test range: routed nowhere
LAB_BRIDGE=${LAB_BRIDGE:-hpclab0}
LAB_NODE=n
LAB_DB_PORT=${LAB_DB_PORT:-33906}
LAB_DBD_PORT=${LAB_DBD_PORT:-6819}
export SLURM_CONF=$LAB_ETC/slurm.conf

# shellcheck source=nodes.sh
. "$here/nodes.sh"

# ------------------------------------------------------------------- slurmd --

# slurmd daemonizes, and so becomes a child of the node's init.
slurmd_start() { # NODE
  slurmd_alive "$1" && return 0
  (cd / && node_exec "$1" env -u LAB_LOCKED slurmd -N "$1") >>"$LAB_LOG/slurmd-$1.out" 2>&1 </dev/null ||
    die_with "$LAB_LOG/slurmd-$1.out" "slurmd on $1 does not start"
}
# shellcheck disable=SC2016
slurmd_alive() { # NODE
  (cd / && node_exec "$1" sh -c 'read -r pid <"$0" && grep -qs slurmd "/proc/$pid/comm"' "$LAB_RUN/slurmd-$1.pid") 2>/dev/null
}
# shellcheck disable=SC2016
slurmd_signal() { # NODE SIGNAL
  slurmd_alive "$1" || die "no slurmd on $1"
  (cd / && node_exec "$1" sh -c 'kill -s "$1" "$(cat "$0")"' "$LAB_RUN/slurmd-$1.pid" "$2")
}

# ------------------------------------------------------------- controllers --

munge_ok() { munge -S "$LAB_ROOT/munge/socket" -n | unmunge -S "$LAB_ROOT/munge/socket"; }

munged_start() {
  local dir=$LAB_ROOT/munge
  proc_pid munged >/dev/null && return 0
  install -d -o munge -g munge -m 0711 "$dir"
  [[ -s $dir/key ]] || install -o munge -g munge -m 0600 <(head -c 1024 /dev/urandom) "$dir/key"
  rm -f "$dir/socket" "$dir/socket.lock"
  spawn munged "$LAB_LOG/munged.out" setpriv --reuid munge --regid munge --init-groups -- \
    munged --foreground --num-threads=4 --key-file="$dir/key" --socket="$dir/socket" \
    --pid-file="$dir/pid" --seed-file="$dir/seed"
  wait_until 10 munge_ok || die_with "$LAB_LOG/munged.out" "munged does not answer"
}

db() { mariadb --no-defaults --socket="$LAB_ROOT/db-run/socket" -uroot "$@"; }

mariadb_start() {
  local data=$LAB_ROOT/db run=$LAB_ROOT/db-run template
  proc_pid mariadb >/dev/null && return 0
  template=$LAB_ROOT/cache/db-$(pkg_version mariadb-server)
  install -d -o mysql -g mysql -m 0711 "$run"
  if [[ ! -d $data ]]; then
    if [[ ! -d $template ]]; then # an empty server, made once
      mkdir -p "$LAB_ROOT/cache"
      rm -rf "$template.new"
      install -d -o mysql -g mysql -m 0700 "$template.new"
      mariadb-install-db --no-defaults --user=mysql --datadir="$template.new" --skip-test-db \
        --auth-root-authentication-method=normal >"$LAB_LOG/mariadb-install.log" 2>&1 ||
        die_with "$LAB_LOG/mariadb-install.log" "mariadb-install-db failed"
      mv "$template.new" "$template"
    fi
    cp -a "$template" "$data"
  fi
  # Durability is given up on purpose: a lab's accounts may be lost with the machine.
  spawn mariadb "$LAB_LOG/mariadb.log" setpriv --reuid mysql --regid mysql --init-groups -- \
    mariadbd --no-defaults --datadir="$data" --socket="$run/socket" --pid-file="$run/pid" \
    --bind-address=127.0.0.1 --port="$LAB_DB_PORT" --skip-log-bin --performance-schema=off \
    --innodb-buffer-pool-size=64M --innodb-lock-wait-timeout=900 \
    --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync
  wait_until 30 db -e 'select 1' || die_with "$LAB_LOG/mariadb.log" "mariadbd does not answer"
  db -e "create database if not exists slurm_acct_db;
         create user if not exists slurm@localhost identified by 'slurm';
         grant all on slurm_acct_db.* to slurm@localhost" ||
    die "could not prepare the accounting database"
}
pkg_version() { dpkg-query -W -f='${Version}' "$1" | tr -c 'A-Za-z0-9.' -; }

slurmdbd_start() {
  proc_pid slurmdbd >/dev/null && return 0
  spawn slurmdbd "$LAB_LOG/slurmdbd.out" slurmdbd -D
  wait_until 40 sacctmgr -n list cluster || die_with "$LAB_LOG/slurmdbd.log" "slurmdbd does not answer"
}

slurmctld_start() {
  proc_pid slurmctld >/dev/null && return 0
  # The host name decides which address it listens on, and whether it may run at all. It reads this lab's hosts, for
  # another lab may have a "ctl" too.
  # shellcheck disable=SC2016
  spawn slurmctld "$LAB_LOG/slurmctld.out" unshare --uts --mount \
    sh -c 'mount --bind "$0" /etc/hosts && hostname ctl && exec slurmctld -D' "$LAB_ETC/hosts"
  wait_until 30 slurmctld_up || die_with "$LAB_LOG/slurmctld.log" "slurmctld does not answer"
}
slurmctld_up() { scontrol ping | grep -q ' is UP'; }

# ------------------------------------------------------------------ health --

all_nodes_usable() {
  [[ $(sinfo -h -N -o '%N %T' | sort -u | grep -cE ' (idle|mixed|allocated|completing)$') == "$(setting NODES)" ]]
}
lab_healthy() {
  local node
  for node in $(node_names); do slurmd_alive "$node" || return 1; done
  proc_pid munged && proc_pid slurmctld && slurmctld_up && all_nodes_usable &&
    { [[ $(setting ACCOUNTING) == 0 ]] || { proc_pid mariadb && proc_pid slurmdbd; }; }
} >/dev/null 2>&1
