// What is in a zip file, by its own list at the end (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3).
const END_OF_LIST = 0x06054b50;
const ENTRY = 0x02014b50;

/** `{ name, bytes, packedBytes }` of each file, in order; throws where the list is damaged. */
export function zipEntries(zip) {
  let end = zip.length - 22;
  while (end >= 0 && zip.readUInt32LE(end) !== END_OF_LIST) end--;
  if (end < 0) throw new Error('this is no zip file');
  const count = zip.readUInt16LE(end + 10);
  const entries = [];
  for (let at = zip.readUInt32LE(end + 16); entries.length < count;) {
    if (zip.readUInt32LE(at) !== ENTRY) throw new Error(`entry ${entries.length} is damaged`);
    const nameBytes = zip.readUInt16LE(at + 28);
    entries.push({
      name: zip.toString('utf8', at + 46, at + 46 + nameBytes),
      bytes: zip.readUInt32LE(at + 24),
      packedBytes: zip.readUInt32LE(at + 20),
    });
    at += 46 + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}
