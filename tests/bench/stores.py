"""256 MiB up to and down from every store, against rclone on the same server."""
import os, shutil, subprocess

from measure import *

FILES, FILE_SIZE = 256, 1 << 20
ROUNDS = 3 # the gateway keeps all that was overwritten, in 4 GiB of memory
RCLONE = ['rclone', '--retries', '1', 'copyto']
STORE_IO = BUILD + '/tests/bench/store_io'


# --- the stores -----------------------------------------------------------------------------------

def output(argv):
    return subprocess.run(argv, env=ENV, capture_output=True, text=True, check=True).stdout.strip()


class Place:
    """A running server; entering it gives the function that makes our URLs. rclone knows it as P:lab."""
    def __init__(self, script, number):
        self.script, self.dir, self.port = script, os.path.abspath('server%d' % number), free_ports()

    def __enter__(self):
        server(self.script, 'install')
        os.makedirs(self.dir)
        os.chmod(self.dir, 0o755)
        server(self.script, 'start', self.dir, str(self.port))
        return self.prepare()

    def __exit__(self, *_):
        server(self.script, 'stop', self.dir)
        shutil.rmtree(self.dir)

    def at(self):
        return 'http://127.0.0.1:%d' % self.port


class S3(Place):
    def __init__(self, script, number, key, secret):
        super().__init__(script, number)
        self.key, self.secret = key, secret

    def prepare(self):
        ENV.update(AWS_ACCESS_KEY_ID=self.key, AWS_SECRET_ACCESS_KEY=self.secret)
        open('warm', 'w').write('warm')
        s3('PUT', self.at() + '/lab')
        s3('PUT', self.at() + '/lab/warm', 'warm')
        rclone_remote('P', TYPE='s3', PROVIDER='Other', ENDPOINT=self.at(), REGION='us-east-1',
                      ACCESS_KEY_ID=self.key, SECRET_ACCESS_KEY=self.secret)
        return lambda path: 's3://lab/%s?endpoint=%s' % (path, self.at())


class Azure(Place):
    def prepare(self):
        azurite, service = ROOT + '/tests/servers/azurite', self.at() + '/labacct'
        key = output([azurite, 'key'])
        ENV.update(AZURE_TEST_KEY=key, AZURE_TEST_SERVICE=service, AZURE_STORAGE_ACCOUNT='labacct', AZURE_STORAGE_KEY=key)
        client = [azurite, 'node', ROOT + '/tests/servers/azure-client.mjs']
        output(client + ['create', 'lab'])
        # This rclone signs account keys for other URLs than Azurite's: it gets a SAS token.
        rclone_remote('P', TYPE='azureblob', SAS_URL=service + '/lab?' + output(client + ['sas', 'lab', 'rcwld', '60']))
        return lambda path: 'azblob://lab/%s?domain=127.0.0.1:%d&protocol=http' % (path, self.port)


class Gcs(Place):
    def prepare(self):
        subprocess.run([ROOT + '/tests/servers/gcs', 'install'], check=True)
        ENV['STORAGE_EMULATOR_HOST'] = self.at()
        output([ROOT + '/tests/servers/gcs', 'client', 'bucket', 'lab'])
        rclone_remote('P', TYPE='gcs', ANONYMOUS='true', ENDPOINT=self.at() + '/storage/v1/', BUCKET_POLICY_ONLY='true')
        return lambda path: 'gs://lab/' + path


class Files:
    def __enter__(self):
        rclone_remote('P', TYPE='alias', REMOTE=os.getcwd())
        return lambda path: 'file://lab/' + path

    def __exit__(self, *_):
        shutil.rmtree('lab')


def places():
    yield 'Ceph RGW', S3('rgw', 1, KEY, SECRET)
    yield 'Swift', S3('swift', 2, 'test:tester', 'testing')
    yield 'Azurite', Azure('azurite', 3)
    if shutil.which('go'):
        yield 'fake-gcs', Gcs('fake-gcs', 4)
    else:
        notes.append('stores: there is no Go here, so no GCS server that takes 256 MiB: gs:// was not measured.')
    yield 'file://', Files()


# --- measuring ------------------------------------------------------------------------------------

def write_input():
    with open('big', 'wb') as f:
        for _ in range(FILES):
            f.write(os.urandom(FILE_SIZE))
    os.mkdir('bigdir')
    for i in range(FILES):
        with open('bigdir/%d_step.sql' % (20260101000000 + i), 'w') as f:
            while f.tell() < FILE_SIZE:
                f.write('-- %s\n' % os.urandom(48).hex())
            f.write('SELECT %d;\n' % i)
    timed([[BUILD + '/atlas', 'migrate', 'hash', '--dir', 'file://bigdir']])


def rclone(source, target, local):
    argv = RCLONE + ['--ignore-times', source, target] # else it sees that the bytes are there
    if local: # ours calls fsync, so that what it acknowledged is there after a power cut
        argv = ['sh', '-c', '"$@" && sync "$0"', target.replace('P:', '')] + argv
    return measured(argv)


def put_and_get(name, url, local):
    def put(i):
        return measured([STORE_IO, 'put', url('ours'), 'big', 'big'])

    def get(i):
        remove('down')
        return measured([STORE_IO, 'get', url('ours'), 'big', 'down'])

    def their_get(i):
        remove('their-down')
        hashing = [] if local else ['--ignore-checksum'] # file:// always hashes what it reads
        return measured(RCLONE + hashing + ['P:lab/ours/big', 'their-down'])

    their_put = lambda i: rclone('big', 'P:lab/theirs/big', local)
    report('put, ' + name, alternate(put, their_put, ROUNDS))
    report('get, ' + name, alternate(get, their_get, ROUNDS))
    for f in ('down', 'their-down'):
        subprocess.run(['cmp', 'big', f], check=True)
        os.remove(f)


def report(label, results, ours='atlas', theirs='rclone copyto', aim=1.0):
    (a, b), peaks = [[ms for ms, _ in r] for r in results], [max(p for _, p in r) for r in results]
    size = FILES * FILE_SIZE / 2**20
    for side, times, peak in ((ours, a, peaks[0]), (theirs, b, peaks[1])):
        notes.append('%s, %s: %.0f MiB/s, peak memory %.0f MiB' % (label, side, size / median(times) * 1000, peak))
    add_row(label, (ours, theirs), a, b, aim)


def push_and_read(name, url, local):
    """The commands: packing, hashing, manifests and refs included. A push of known bytes would send none."""
    def config(i):
        return repo_config('big.hcl', 'file://bigdir', url('push%d' % i))

    def push(i):
        return measured([BUILD + '/atlas', 'migrate', 'push'] + config(i))

    def read(i):
        return measured([BUILD + '/atlas', 'migrate', 'ls', '--dir', 'atlas://app', '--short'] + config(0))

    def their_read(i):
        remove('their-down')
        return measured(RCLONE + ['P:lab/theirs/big', 'their-down'])

    their_put = lambda i: rclone('big', 'P:lab/theirs/big', local)
    report('push, ' + name, alternate(push, their_put, 2, 0), 'atlas migrate push', aim=None)
    report('read, ' + name, alternate(read, their_read, 2, 0), 'atlas migrate ls', aim=None)
    os.remove('their-down')


def remove(path):
    if os.path.exists(path):
        os.remove(path)


def bench():
    write_input()
    for name, place in places():
        with place as url:
            put_and_get(name, url, name == 'file://')
            push_and_read(name, url, name == 'file://')
    notes.append('stores: put and get are one object of 256 MiB, random bytes, by a program of the store module alone, '
                 'process start included; in get neither side hashes (--ignore-checksum), or both do (file://); push and read are a directory of 256 files of 1 MiB by the commands, against '
                 'rclone copyto of one object. rclone has its defaults (4 streams); on file:// its copy is followed by '
                 'sync FILE, as ours calls fsync. Only time is judged against the aim.')
