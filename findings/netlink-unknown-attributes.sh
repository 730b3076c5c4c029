#!/bin/bash
# npm netlink 0.3.0 loses attributes that it does not know, and won't send them either, though its types have a place for them.
#
# A netlink message says what it says by attributes, and newer kernels have more of them than a library. The decoders of this package
# return an object whose type has `__unparsed`, for the rest. Guess: an attribute of an unknown number stands there, and an object with
# `__unparsed` is written back whole, so a program can keep what it does not understand.
# Seen with netlink 0.3.0: the field is never there after decoding, and encoding an object that has it is an error.
# Needs node and npm. Ends with 0 while that is so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true}' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent netlink@0.3.0
cat > probe.cjs <<'JS'
const { formatAddressMessage, parseAddressMessage } = require("netlink/dist/rt/structs.js");
const { AttrStream } = require("netlink/dist/structs.js");
const attribute = (type, bytes) => Buffer.concat([Buffer.from([4 + bytes.length, 0, type & 255, type >> 8]), Buffer.from(bytes)]);
// struct ifaddrmsg: IPv4, /24, no flags, scope universe, interface 7; then IFA_ADDRESS and a number that no kernel has yet.
const header = Buffer.from([2, 24, 0, 0, 7, 0, 0, 0]);
const message = Buffer.concat([header, attribute(1, [192, 0, 2, 1]), attribute(4000, [1, 2, 3, 4])]);
const read = parseAddressMessage(message);
console.log("the known attribute is read:", read.attrs.address !== undefined);
console.log("the unknown one is kept:", read.attrs.__unparsed !== undefined);
try {
  const attrs = { address: read.attrs.address, __unparsed: [[4000, Buffer.from([1, 2, 3, 4])]] };
  formatAddressMessage({ kind: "address", data: read.data, attrs }, new AttrStream());
  console.log("it can be written: true");
} catch (error) {
  console.log("it can be written: false,", error.message);
}
JS
node probe.cjs | tee seen
diff seen - <<'SEEN'
the known attribute is read: true
the unknown one is kept: false
it can be written: false, Unknown key "__unparsed"
SEEN
echo "as described"
