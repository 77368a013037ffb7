import { spawn } from "node:child_process";
import { agentMarker } from "../prepare/environment.ts";

/** A small shell that outlives the agent by a moment and ends what the agent ran. */
export interface Reaper {
  groupBegins(group: number): void;
  groupEnds(group: number): void;
  /** Lets it look for leftovers once more and end. */
  close(): void;
}

export interface ReaperOptions {
  readonly shell: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly agent: string;
  /** Removed at the end. */
  readonly privateDirectory: string;
  readonly onRestart: () => void;
}

/**
 * The reaper reads the groups of helpers from a pipe that only the agent holds open: however the agent dies, the pipe
 * ends. It then kills every group and, by the marker in the environment, what left its group, until nothing
 * is found. It leads its own session, is deaf to the signals that end the agent, and carries no marker itself; a group
 * number whose process has another environment by now is left alone. It sleeps in a read meanwhile.
 */
const script = `
trap '' TERM INT HUP QUIT USR1 USR2
IFS= read -r marker
IFS= read -r private
groups=' '
while read -r change group; do
  case $change in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="\${groups%% $group *} \${groups#* $group }" ;; esac ;;
  esac
done
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
  [ -z "$found" ] && break
  round=$((round + 1))
  [ $round -gt 3 ] && sleep 0.1
done
case $private in /*/conifer-node-*) rm -rf "$private" ;; esac
`;

/** Starts the reaper, and again should it die before the agent. */
export function startReaper(options: ReaperOptions): Reaper {
  const groups = new Set<number>();
  let closed = false;

  const start = () => {
    const child = spawn(options.shell, ["-c", script], {
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
    child.stdin.write(`${agentMarker}=${options.agent}\n${options.privateDirectory}\n`);
    for (const group of groups) child.stdin.write(`+ ${group}\n`);
    return child;
  };
  let current = start();

  return {
    groupBegins(group) {
      groups.add(group);
      current.stdin.write(`+ ${group}\n`);
    },
    groupEnds(group) {
      if (groups.delete(group)) current.stdin.write(`- ${group}\n`);
    },
    close() {
      closed = true;
      current.stdin.end();
    },
  };
}
