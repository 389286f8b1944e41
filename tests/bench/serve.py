"""Reads of `registry serve` against nginx that serves the very same bytes, and the server under load."""
import json, os, re, subprocess, time, urllib.request

from measure import *

CONNECTIONS, SECONDS, ROUNDS = 16, 5, 3
JOBS, LOAD_SECONDS = 200, 60
QUERY = 'query dirState($input: DirStateInput!) { dirState(input: $input) { content } }'
NGINX = '''daemon off;
worker_processes 1;
pid nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  default_type application/json;
  client_body_temp_path nginx-tmp;
  proxy_temp_path nginx-tmp;
  fastcgi_temp_path nginx-tmp;
  uwsgi_temp_path nginx-tmp;
  scgi_temp_path nginx-tmp;
  server { listen 127.0.0.1:%d; root %s; }
}
'''


# --- the servers ----------------------------------------------------------------------------------

class Registry:
    """`registry serve` on file://registry."""
    def __enter__(self):
        self.log = open('serve.log', 'w')
        self.process = subprocess.Popen([BUILD + '/atlas', 'registry', 'serve', '--store', 'file://registry', '--listen',
                                         '127.0.0.1:0'], env=ENV, stdout=self.log, stderr=self.log)
        wait_for(lambda: 'serving' in open('serve.log').read(), 'registry serve')
        self.url = re.search(r'(http://\S+/query)', open('serve.log').read()).group(1)
        ENV.update(ATLAS_CLOUD_URL=self.url, ATLAS_TOKEN='aci_bench')
        return self

    def __exit__(self, *_):
        del ENV['ATLAS_CLOUD_URL'], ENV['ATLAS_TOKEN']
        stop(self.process)

    def pids(self):
        return [self.process.pid]


class Nginx:
    def __enter__(self):
        os.makedirs('www', exist_ok=True)
        os.chmod('.', 0o755)
        port = free_ports()
        open('nginx.conf', 'w').write(NGINX % (port, os.path.abspath('www')))
        self.process = subprocess.Popen(['nginx', '-p', '.', '-e', 'nginx.log', '-c', 'nginx.conf'], env=dict(ENV, PATH='/usr/sbin:/usr/bin:/bin'),
                                        stderr=subprocess.DEVNULL)
        self.url = 'http://127.0.0.1:%d/' % port
        wait_for(lambda: answers(self.url), 'nginx')
        return self

    def __exit__(self, *_):
        stop(self.process)

    def pids(self):
        master = self.process.pid
        workers = open('/proc/%d/task/%d/children' % (master, master)).read().split()
        return [master] + [int(w) for w in workers]


def wait_for(ready, what):
    end = time.monotonic() + 10
    while not ready():
        if time.monotonic() > end:
            sys.exit('bench: %s does not start' % what)
        time.sleep(0.02)


def answers(url):
    try:
        socket.create_connection(('127.0.0.1', int(url.split(':')[2].split('/')[0]))).close()
        return True
    except OSError:
        return False


def stop(process):
    process.terminate()
    process.wait()


def memory(server):
    """(VmRSS, VmHWM) in MiB, of all its processes."""
    status = [open('/proc/%d/status' % p).read() for p in server.pids()]
    return [sum(int(re.search(name + r':\s+(\d+)', s).group(1)) for s in status) / 1024 for name in ('VmRSS', 'VmHWM')]


# --- reads ----------------------------------------------------------------------------------------

def write_dir(name, files, size):
    os.mkdir(name)
    for i in range(files):
        with open('%s/%d_step.sql' % (name, 20260101000000 + i), 'w') as f:
            f.write('CREATE TABLE t%d (id integer);\n' % i)
            while f.tell() < size:
                f.write('-- %s\n' % os.urandom(48).hex())
    timed([[BUILD + '/atlas', 'migrate', 'hash', '--dir', 'file://' + name]])
    timed([[BUILD + '/atlas', 'migrate', 'push', name, '--dir', 'file://' + name]])


def request_body(slug):
    return json.dumps({'query': QUERY, 'variables': {'input': {'slug': slug, 'name': slug}}})


def ask(url, slug):
    r = urllib.request.Request(url, request_body(slug).encode(), {'Authorization': 'Bearer aci_bench',
                                                                  'Content-Type': 'application/json'})
    return urllib.request.urlopen(r).read()


def write_script(slug):
    open(slug + '.lua', 'w').write('wrk.method = "POST"\nwrk.body = [==[%s]==]\nwrk.headers["Authorization"] = "Bearer aci_bench"\n'
                                   'wrk.headers["Content-Type"] = "application/json"\n' % request_body(slug))
    return ['-s', slug + '.lua']


def wrk(url, script=[]):
    """(requests a second, p99 in ms); any error ends the measuring."""
    out = subprocess.run(['wrk', '-t1', '-c%d' % CONNECTIONS, '-d%ds' % SECONDS, '--latency'] + script + [url], env=ENV,
                         capture_output=True, text=True, check=True).stdout
    if 'Non-2xx' in out or 'Socket errors' in out:
        sys.exit('bench: errors of %s:\n%s' % (url, out))
    value, unit = re.search(r'99%\s+([\d.]+)(us|ms|s)', out).groups()
    return float(re.search(r'Requests/sec:\s+([\d.]+)', out).group(1)), float(value) * {'us': 0.001, 'ms': 1, 's': 1000}[unit]


def compare_reads(registry, nginx, slug, label, aim):
    text, script = ask(registry.url, slug), write_script(slug)
    open('www/' + slug, 'wb').write(text)
    if urllib.request.urlopen(nginx.url + slug).read() != text:
        sys.exit('bench: nginx serves other bytes')
    ours, theirs = alternate(lambda i: wrk(registry.url, script), lambda i: wrk(nginx.url + slug), ROUNDS)
    names = ('registry serve', 'nginx, the same bytes')
    add_row('reads of %s' % label, names, [r for r, _ in ours], [r for r, _ in theirs], aim, '/s', True)
    add_row('p99 of %s' % label, names, [p for _, p in ours], [p for _, p in theirs])
    now, peak = zip(memory(registry), memory(nginx))
    add_row('memory after %s' % label, names, [now[0]], [now[1]], None, 'MiB')
    add_row('peak memory, %s' % label, names, [peak[0]], [peak[1]], None, 'MiB')
    return len(text)


def bench():
    with Registry() as registry, Nginx() as nginx:
        write_dir('small', 3, 0)
        write_dir('mib', 16, 1 << 16)
        sizes = [compare_reads(registry, nginx, 'small', '3 files', 0.5),
                 compare_reads(registry, nginx, 'mib', '1 MiB', 0.5)]
    notes.append('reads: POST /query dirState, answers of %d and %d bytes, %d connections kept alive, wrk for %d s in turn; nginx has '
                 'one worker and gets a GET for a static file with those bytes (sendfile). wrk shares the cores with them.'
                 % (sizes[0], sizes[1], CONNECTIONS, SECONDS))


# --- load -----------------------------------------------------------------------------------------

def bench_load():
    with Registry() as registry:
        out = subprocess.run([ROOT + '/tests/support/load', registry.url, str(JOBS), str(LOAD_SECONDS)], env=ENV,
                             capture_output=True, text=True).stdout
        rss, peak = memory(registry)
    found = dict(re.findall(r'(\w+)=([\d.]+)', out))
    if not found:
        sys.exit('bench: the load test failed: ' + out)
    notes.append('load: %d jobs for %d s: %.0f pushes/s, %.0f reads/s, p50 %s ms, p99 %s ms, %s errors, %s lost; %.0f MiB then, %.0f MiB at '
                 'most. The jobs are threads of one Python program, on the same cores.'
                 % (JOBS, LOAD_SECONDS, int(found['pushes']) / LOAD_SECONDS, int(found['reads']) / LOAD_SECONDS,
                    found['p50'], found['p99'], found['errors'], found['lost'], rss, peak))
