import { spawn } from "node:child_process";
import type { SharedTask } from "../../link/messages.ts";
import { agentMarker, taskMarker } from "../prepare/environment.ts";

/** A small shell that outlives the agent by a moment and ends what the agent ran. */
export interface Reaper {
  groupBegins(group: number): void;
  groupEnds(group: number): void;
  /** A task that another agent started may have processes here. */
  shareBegins(share: SharedTask): void;
  shareEnds(share: SharedTask): void;
  /** Lets it look for leftovers once more and end. */
  close(): void;
}

export interface ReaperOptions {
  readonly shell: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly agent: string;
  /**
   * Seconds after which an agent that hangs is ended with all that it runs: whoever waits for its end must not wait for ever, nor be
   * wrong about it. Needs bash; null = it may hang.
   */
  readonly watch: { readonly bash: string; readonly silenceSec: number } | null;
  /** Removed at the end. */
  readonly privateDirectory: string;
  readonly onRestart: () => void;
}

/**
 * The reaper reads the groups of task shells from a pipe that only the agent holds open: however the agent dies, the pipe
 * ends. It then kills every group and, by the marker in the environment, what left its group, until nothing
 * is found. It leads its own session, is deaf to the signals that end the agent, and carries no marker itself; a group
 * number whose process has another environment by now is left alone. It sleeps in a read meanwhile. With a watch, silence on the pipe is
 * the end of the agent, too: it is killed first.
 */
const script = `
trap '' TERM INT HUP QUIT USR1 USR2
IFS= read -r marker
IFS= read -r private
IFS= read -r agent
groups=' '
shares=' '
ended=0
while read -r $1 $2 change group || { ended=$?; false; }; do
  case $change in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="\${groups%% $group *} \${groups#* $group }" ;; esac ;;
    s) shares="$shares$group " ;;
    e) case $shares in *" $group "*) shares="\${shares%% $group *} \${shares#* $group }" ;; esac ;;
  esac
done
[ $ended -gt 128 ] && kill -KILL "$agent" 2>/dev/null
for group in $groups; do
  if [ ! -e "/proc/$group" ] || grep -qaF "$marker" "/proc/$group/environ" 2>/dev/null; then
    kill -KILL "-$group" 2>/dev/null
  fi
done
round=0
while [ $round -lt 100 ]; do
  found=
  for file in $(grep -laF "$marker" /proc/[0-9]*/environ 2>/dev/null); do
    pid=\${file#/proc/}
    kill -KILL "\${pid%/environ}" 2>/dev/null && found=yes
  done
  for share in $shares; do
    for file in $(grep -laF "${taskMarker}=\${share#*/}" /proc/[0-9]*/environ 2>/dev/null); do
      grep -qaF "${agentMarker}=\${share%%/*}" "$file" 2>/dev/null || continue
      pid=\${file#/proc/}
      kill -KILL "\${pid%/environ}" 2>/dev/null && found=yes
    done
  done
  [ -z "$found" ] && break
  round=$((round + 1))
  [ $round -gt 3 ] && sleep 0.1
done
case $private in /*/conifer-node-*) rm -rf "$private" ;; esac
`;

/** Starts the reaper, and again should it die before the agent. */
export function startReaper(options: ReaperOptions): Reaper {
  const groups = new Set<number>();
  const shares = new Map<string, SharedTask>();
  const { watch } = options;
  const line = (change: "s" | "e", { agent, task }: SharedTask): string => `${change} ${agent}/${task}\n`;
  let closed = false;

  const start = () => {
    const timeout = watch === null ? [] : ["-t", String(watch.silenceSec)];
    const child = spawn(watch?.bash ?? options.shell, ["-c", script, "reaper", ...timeout], {
      cwd: "/",
      env: options.environment,
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin.on("error", () => {});
    child.on("error", () => {});
    child.on("exit", () => {
      if (closed) return;
      options.onRestart();
      current = start();
    });
    child.stdin.write(`${agentMarker}=${options.agent}\n${options.privateDirectory}\n${process.pid}\n`);
    for (const group of groups) child.stdin.write(`+ ${group}\n`);
    for (const share of shares.values()) child.stdin.write(line("s", share));
    return child;
  };
  let current = start();
  const feeding =
    watch === null ? null : setInterval(() => current.stdin.write(".\n"), (watch.silenceSec * 1000) / 4).unref();

  return {
    groupBegins(group) {
      groups.add(group);
      current.stdin.write(`+ ${group}\n`);
    },
    groupEnds(group) {
      if (groups.delete(group)) current.stdin.write(`- ${group}\n`);
    },
    shareBegins(share) {
      shares.set(share.task, share);
      current.stdin.write(line("s", share));
    },
    shareEnds(share) {
      if (shares.delete(share.task)) current.stdin.write(line("e", share));
    },
    close() {
      closed = true;
      if (feeding) clearInterval(feeding);
      current.stdin.end();
    },
  };
}
