# Shared by the server scripts: waiting for ports, stopping by pid, apt from another suite.
# A script is called as `NAME install`, `NAME start DIR PORT` or `NAME stop DIR`.
export DEBIAN_FRONTEND=noninteractive

tcp() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

wait_tcp() { # PORT...: until each answers, ten seconds at most
    local p n
    for p in "$@"; do
        n=400
        until tcp "$p"; do n=$((n - 1)); [ $n -gt 0 ] || { echo "port $p does not answer" >&2; return 1; }; sleep 0.05; done
    done
}

stop_pid() { # PIDFILE: politely, then for good
    local pid i
    [ -f "$1" ] || return 0
    pid=$(cat "$1"); rm -f "$1"
    kill "$pid" 2>/dev/null || return 0
    for i in $(seq 200); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.05; done
    kill -9 "$pid" 2>/dev/null
}

have() { dpkg-query -W -f '${db:Status-Status}\n' "$@" 2>/dev/null | grep -vq '^installed$' && return 1; dpkg-query -W "$@" >/dev/null 2>&1; }

apt_install() { # PACKAGE...: only what is missing, so that an equipped machine needs no network
    have "$@" && return 0
    [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; }
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

free_port() { # a port nobody listens on, with three free ones behind it
    local p i
    for i in $(seq 50); do
        p=$((${PORT_BASE:-10000} + RANDOM % 11000)) # below the range that clients connect from
        tcp $p || tcp $((p + 1)) || tcp $((p + 2)) || tcp $((p + 3)) || { echo $p; return; }
    done
}
