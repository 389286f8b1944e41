// The official client of Azure Blob Storage as the second opinion: azure-client.mjs VERB ARGS...
// AZURE_TEST_SERVICE is the account's URL, AZURE_TEST_KEY its key.
import { createHash } from 'node:crypto';
import {
    BlobServiceClient, ContainerSASPermissions, StorageSharedKeyCredential, generateBlobSASQueryParameters,
} from '@azure/storage-blob';

const credential = new StorageSharedKeyCredential('labacct', process.env.AZURE_TEST_KEY);
const service = new BlobServiceClient(process.env.AZURE_TEST_SERVICE, credential);
const [, , verb, container, ...args] = process.argv;
const box = service.getContainerClient(container);

async function names(prefix) {
    const found = [];
    for await (const b of box.listBlobsFlat({ prefix })) found.push(b.name);
    return found;
}

// A block list of small blocks, whatever the size.
async function putBlocks(name, bytes, type) {
    const blob = box.getBlockBlobClient(name), size = Math.max(1, Math.ceil(bytes.length / 3)), ids = [];
    for (let at = 0; at < bytes.length; at += size) {
        const id = Buffer.from(String(ids.length).padStart(8, '0')).toString('base64'), part = bytes.subarray(at, at + size);
        await blob.stageBlock(id, part, part.length);
        ids.push(id);
    }
    await blob.commitBlockList(ids, {
        blobHTTPHeaders: { blobContentType: type, blobContentMD5: createHash('md5').update(bytes).digest() },
    });
}

const verbs = {
    create: () => box.createIfNotExists(),
    // What the service knows of the one blob whose name ends so.
    async show(suffix) {
        const name = (await names()).find((n) => n.endsWith(suffix)), blob = box.getBlockBlobClient(name);
        const p = await blob.getProperties(), bytes = await blob.downloadToBuffer(), list = await blob.getBlockList('committed');
        const md5 = createHash('md5').update(bytes).digest('base64');
        return JSON.stringify({
            size: bytes.length, type: p.contentType, cache: p.cacheControl ?? null, blocks: list.committedBlocks?.length ?? 0,
            md5: p.contentMD5 ? Buffer.from(p.contentMD5).toString('base64') === md5 : null,
        });
    },
    // Every object below FROM again below TO, written in blocks; blobs are checked against their names.
    async copy(from, to) {
        for (const name of await names(from)) {
            const blob = box.getBlockBlobClient(name), bytes = await blob.downloadToBuffer();
            const hex = name.match(/\/blobs\/sha256\/([0-9a-f]{64})$/)?.[1];
            if (hex && createHash('sha256').update(bytes).digest('hex') !== hex) throw new Error(`${name}: other bytes`);
            await putBlocks(to + name.slice(from.length), bytes, (await blob.getProperties()).contentType);
        }
        return (await names(to)).length;
    },
    sas: (permissions, minutes) => generateBlobSASQueryParameters({
        containerName: container, permissions: ContainerSASPermissions.parse(permissions),
        startsOn: new Date(Date.now() - 7200e3), expiresOn: new Date(Date.now() + Number(minutes) * 60e3),
    }, credential).toString(),
    async fill(prefix, count) {
        const all = [...Array(Number(count)).keys()];
        while (all.length)
            await Promise.all(all.splice(0, 50).map((i) => box.getBlockBlobClient(`${prefix}/${String(i).padStart(5, '0')}`).upload('', 0)));
    },
    list: async (prefix) => (await names(prefix)).join('\n'),
};
const said = await verbs[verb](...args);
if (typeof said === 'string' || typeof said === 'number') console.log(said);
