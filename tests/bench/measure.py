"""What all parts of the measuring share: running programs, comparing, the table."""
import os, random, socket, statistics, subprocess, sys, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, sys.argv[1])
RELEASE = os.path.join(ROOT, 'build/release')
DBMATE_VERSION = '2.28.0'
DBMATE = ROOT + '/build/bench/node_modules/@dbmate/linux-x64/bin/dbmate'
KEY, SECRET = 'LABACCESSKEY', 'labsecretkey'
ENV = {'PATH': os.environ['PATH'], 'HOME': '/nonexistent', 'LANG': 'C.UTF-8', 'NO_COLOR': '1',
       'AWS_ACCESS_KEY_ID': KEY, 'AWS_SECRET_ACCESS_KEY': SECRET, 'AWS_EC2_METADATA_DISABLED': 'true'}
rows, notes = [], []


def spawn(argv, stdin=None):
    actions = [(os.POSIX_SPAWN_OPEN, 0, stdin or '/dev/null', os.O_RDONLY, 0),
               (os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0),
               (os.POSIX_SPAWN_OPEN, 2, 'stderr', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)]
    return os.posix_spawnp(argv[0], argv, ENV, file_actions=actions)


def timed(commands, stdin=None):
    """Milliseconds until all of the commands, started together, are done."""
    t0 = time.perf_counter()
    pids = [spawn(c, stdin) for c in commands]
    status = [os.waitpid(p, 0)[1] for p in pids]
    ms = (time.perf_counter() - t0) * 1000
    if any(status):
        sys.exit('bench: %s failed: %s' % (commands[0], open('stderr').read()[-500:]))
    return ms


def measured(argv):
    """(milliseconds, peak MiB), through a small parent: a child starts with its parent's peak."""
    ms = timed([['/usr/bin/time', '-q', '-f', '%M', '-o', 'peak'] + argv])
    return ms, int(open('peak').read().split()[-1]) / 1024


def median(values):
    return statistics.median(values)


def alternate(a, b, n, warm=1, settle=True):
    """What a and b return, n times each in turn; they take the number of the round, negative ones are not counted."""
    ours, theirs = [], []
    for i in range(-warm, n):
        for f, out in ((a, ours), (b, theirs)):
            if settle:
                os.sync()
            value = f(i)
            if i >= 0:
                out.append(value)
    return ours, theirs


def add_row(label, names, ours, theirs, aim=None, unit='ms', least=False):
    """The aim is an upper bound of the ratio (times, memory), or a lower one (`least`: rates)."""
    ratio = median(ours) / median(theirs)
    pairs = [x / y for x, y in zip(ours, theirs)]
    met = aim is not None and (ratio >= aim if least else ratio <= aim)
    rows.append((label, names[0], '%.1f %s' % (median(ours), unit), names[1], '%.1f %s' % (median(theirs), unit),
                 '%.2f' % ratio, '%.2f-%.2f' % (min(pairs), max(pairs)), str(len(ours)),
                 '' if aim is None else '%s %.2f %s' % ('>=' if least else '<=', aim, 'met' if met else 'MISSED')))
    print('.', end='', flush=True)


def compare(label, names, a, b, n, aim=None, warm=1, settle=True):
    add_row(label, names, *alternate(a, b, n, warm, settle), aim)


def print_table():
    head = ('what', 'A', 'median', 'B', 'median', 'A/B', 'min-max', 'n', 'aim')
    width = [max(len(r[i]) for r in rows + [head]) for i in range(len(head))]
    print('\n')
    for r in [head, tuple('-' * w for w in width)] + rows:
        print('  '.join(c.ljust(w) for c, w in zip(r, width)).rstrip())
    print('\nHow it was measured')
    for n in notes:
        print('- ' + n)


def builds():
    """The dynamic build, and the release if there is one (make release)."""
    found = [(BUILD, 'dynamic build')]
    if os.path.exists(RELEASE + '/atlas-action'):
        found.append((RELEASE, 'release build'))
    return found


def free_ports():
    while True:
        port = random.randrange(20000, 40000)
        try:
            for p in range(port, port + 6):
                socket.socket().bind(('127.0.0.1', p))
            return port
        except OSError:
            pass


def server(name, *args):
    subprocess.run([ROOT + '/tests/servers/' + name] + list(args), check=True)


def s3(method, url, body=None):
    subprocess.run([ROOT + '/tests/support/s3', method, url] + ([body] if body else []), env=ENV, check=True,
                   stdout=subprocess.DEVNULL)


def rclone_remote(name, **settings):
    ENV['RCLONE_CONFIG'] = '/dev/null'
    for k in [k for k in ENV if k.startswith('RCLONE_CONFIG_%s_' % name)]:
        del ENV[k]
    ENV.update({'RCLONE_CONFIG_%s_%s' % (name, k): str(v) for k, v in settings.items()})


def repo_config(name, dir_url, url):
    """An atlas.hcl with env b: a repository `app` of its own at `url`."""
    open(name, 'w').write('env "b" {\n  migration {\n    dir = "%s"\n    repo {\n      name = "app"\n'
                          '      url = "%s"\n    }\n  }\n}\n' % (dir_url, url))
    return ['--env', 'b', '--config', 'file://' + name]


def install_dbmate():
    if os.path.exists(DBMATE):
        out = subprocess.run([DBMATE, '--version'], capture_output=True, text=True).stdout
        if DBMATE_VERSION in out:
            return
    os.makedirs(ROOT + '/build/bench', exist_ok=True)
    subprocess.run(['npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', ROOT + '/build/bench',
                    'dbmate@' + DBMATE_VERSION], check=True, stdout=subprocess.DEVNULL)
