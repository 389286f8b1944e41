#!/usr/bin/env bats
# `registry serve` under load: many jobs at once, servers that are killed, clients that are slow.
load common
setup() { common_setup; }
teardown() { touch stop 2>/dev/null; common_teardown; }

serve_on() { # PORT: a server on $DIR/registry that is started again whenever it dies, until `stop` is there
    while [ ! -e "$DIR/stop" ]; do
        atlas registry serve --store "file://$DIR/registry" --listen "127.0.0.1:$1" >> "$DIR/serve-$1.log" 2>&1 3>&- &
        echo $! > "$DIR/serve-$1.pid"; wait $! || true
    done
}

@test "200 jobs push and read at the same time: no error, nothing lost" {
    serve
    run "$ATLAS_ROOT/tests/support/load" "$REGISTRY/query" 200 8; echo "$output"
    [ "$status" -eq 0 ]; has "$output" "errors=0 lost=0"
    run atlas registry verify load-3; [ "$status" -eq 0 ]
}

@test "two servers on one store, killed 20 times in the middle: every acknowledged push is there" {
    local p i; p=$(free_port)
    serve_on $p 3>&- & serve_on $((p + 1)) 3>&- &
    wait_tcp $p $((p + 1))
    "$ATLAS_ROOT/tests/support/load" "http://127.0.0.1:$p/query,http://127.0.0.1:$((p + 1))/query" 200 12 --outages > load.out 2>&1 3>&- &
    local job=$!
    for i in $(seq 20); do
        sleep 0.5 # the load lasts 12 s: the kills are spread over it
        kill -9 "$(cat serve-$((p + i % 2)).pid)"
    done
    wait $job || { cat load.out; return 1; }
    has "$(cat load.out)" "errors=0 lost=0"
    touch stop; kill -9 "$(cat serve-$p.pid)" "$(cat serve-$((p + 1)).pid)"
    serve; run atlas registry verify load-3; echo "$output"; [ "$status" -eq 0 ]
}

@test "more connections than an address may have: all are served, a slow crowd does not starve the others" {
    serve; local port; port=$(port_of "$REGISTRY")
    python3 - "$port" <<'P'
import socket, sys, time, http.client
port = int(sys.argv[1])
slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]  # they never finish their headers
for s in slow:
    s.send(b"POST /query HTTP/1.1\r\nHost: x\r\n")
begin = time.monotonic()
c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
c.request("POST", "/query", '{"query":"query Bot { me { name } }"}', {"Authorization": "Bearer t"})
assert c.getresponse().status == 200
print("answered in %.1f s" % (time.monotonic() - begin))
P
}

@test "a body that trickles is cut off, one that is too large or too deep is refused" {
    serve; local port; port=$(port_of "$REGISTRY")
    python3 - "$port" <<'P'
import json, socket, sys, time, http.client
port = int(sys.argv[1])
def ask(body, length=None):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    c.putrequest("POST", "/query"); c.putheader("Authorization", "Bearer t")
    c.putheader("Content-Length", str(length or len(body))); c.endheaders()
    if not length: c.send(body)
    r = c.getresponse(); return r.status, json.loads(r.read())
status, answer = ask(b"", 65 << 20)
assert status == 413, status
status, answer = ask(b'{"query":"x","variables":' + b"[" * 500 + b"]" * 500 + b"}")
assert status == 400 and "errors" in answer, (status, answer)
# A client that sends a byte now and then: others are answered meanwhile, and it is cut off.
s = socket.create_connection(("127.0.0.1", port))
s.send(b"POST /query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: 1000000\r\n\r\n")
begin = time.monotonic()
try:
    while time.monotonic() - begin < 50:
        s.send(b" "); time.sleep(0.5)
        if int(time.monotonic() - begin) % 5 == 0:
            assert ask(b'{"query":"query Bot { me { name } }"}')[0] == 200
    sys.exit("still connected after 50 s")
except (BrokenPipeError, ConnectionResetError):
    print("cut off after %.0f s" % (time.monotonic() - begin))
P
}

@test "two servers on one bucket serve one truth" {
    use_rgw; local p i store; p=$(free_port); store=$(bucket "$RGW_URL")
    for i in 0 1; do
        atlas registry serve --store "$store" --listen 127.0.0.1:$((p + i)) > serve$i.log 2>&1 3>&- &
        echo $! > serve$i.pid
    done
    wait_tcp $p $((p + 1))
    run "$ATLAS_ROOT/tests/support/load" "http://127.0.0.1:$p/query,http://127.0.0.1:$((p + 1))/query" 200 8; echo "$output"
    [ "$status" -eq 0 ]; has "$output" "errors=0 lost=0"
}
