import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type ErrorCode, EznasError } from '../../lib/errors.ts';
import { encodeOnnx, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValue } from '../../lib/onnx/model.ts';
import { type ReadOnnxOptions, readOnnx } from '../../lib/onnx/read.ts';
import { Random } from '../../lib/random.ts';

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../fixtures/onnx/${name}.onnx`, import.meta.url));

function rejects(source: string | Uint8Array, code: ErrorCode, message: RegExp, options?: ReadOnnxOptions): void {
  assert.throws(
    () => readOnnx(source, options),
    (error) => {
      assert.ok(error instanceof EznasError, String(error));
      assert.match(error.message, message);
      assert.equal(error.code, code);
      return true;
    },
  );
}

const IMAGES: OnnxValue = { name: 'images', shape: ['N', 3, 8, 8] };

/** A file of such nodes. */
function modelOf(nodes: readonly OnnxNode[], parts: Partial<OnnxModel> = {}): Uint8Array {
  const producer = { name: 'test', version: '1' };
  const output = { name: nodes.at(-1)?.output ?? 'images', shape: ['N', 1] };
  return encodeOnnx({ name: 'network', producer, nodes, constants: [], input: IMAGES, output, ...parts });
}

const weights = (name: string, shape: readonly number[]): OnnxTensor => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { name, shape, data: new Float32Array(size).fill(0.5) };
};

const CONV: OnnxNode = { op: 'Conv', inputs: ['images', 'w'], output: 'map', attributes: { pads: [1, 1, 1, 1] } };
const W = weights('w', [4, 3, 3, 3]);

describe('files that are no readable ONNX model', () => {
  it('no file, a folder, an empty file, text, random bytes, another message', () => {
    rejects('/nowhere/model.onnx', 'INVALID_FILE', /\/nowhere\/model\.onnx: cannot be read/);
    rejects(tmpdir(), 'INVALID_FILE', /is not a regular file/);
    rejects(new Uint8Array(0), 'INVALID_FILE', /not a whole ONNX model \(it has no graph\)/);
    rejects(Buffer.from('{"not": "protobuf"}'), 'INVALID_FILE', /not a whole ONNX model .*torch\.onnx\.export/);
    const random = new Random(1);
    for (let round = 0; round < 200; round++) {
      rejects(
        Uint8Array.from({ length: 64 }, () => random.integer(256)),
        'INVALID_FILE',
        /not a whole ONNX model/,
      );
    }
    rejects(new BinaryWriter().tag(1, WireType.Varint).int64(8).finish(), 'INVALID_FILE', /it has no graph/);
  });

  it('cut at any byte: an error of ours', () => {
    const whole = fixture('vgg-plain');
    for (let length = 0; length < whole.length; length += 7) {
      assert.throws(() => readOnnx(whole.subarray(0, length), { weights: 'file' }), EznasError);
    }
  });

  it('any byte changed: read, or an error of ours', () => {
    const whole = fixture('dense');
    const random = new Random(2);
    let failed = 0;
    for (let round = 0; round < 400; round++) {
      const changed = Uint8Array.from(whole);
      changed[random.integer(whole.length)] = random.integer(256);
      try {
        readOnnx(changed, { weights: 'file' });
      } catch (error) {
        assert.ok(error instanceof EznasError, String((error as Error).stack));
        failed++;
      }
    }
    assert.ok(failed > 15, `${failed} of 400 noticed`);
  });

  it('more integers than any network has', () => {
    const inside = (content: Uint8Array, field: number) =>
      new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(content).finish();
    const file = Buffer.concat([modelOf([CONV]), inside(inside(inside(new Uint8Array(1_100_000), 1), 5), 7)]);
    rejects(file, 'TOO_LARGE', /more than 1000000 fields/);
  });

  it('a tensor whose numbers are not all there, or of an absurd shape', () => {
    const short: OnnxTensor = { ...W, data: new Float32Array(5) };
    rejects(
      modelOf([CONV], { constants: [short] }),
      'INVALID_FILE',
      /tensor w of shape \[4, 3, 3, 3\] has 5 numbers in place of 108/,
      {
        weights: 'file',
      },
    );
    for (const shape of [
      [-4, 3, 3, 3],
      [2 ** 40, 3, 3, 3],
      [4, 3, 3, 0],
    ]) {
      assert.throws(() => readOnnx(modelOf([CONV], { constants: [{ ...W, shape }] })), EznasError);
    }
    // Weights that are drawn anew are not looked at.
    assert.equal(readOnnx(modelOf([CONV], { constants: [short] })).classes, 256);
  });
});

describe('models that are not read', () => {
  it('names every unknown operator with its nodes, in one error', () => {
    const unknown = (op: string, input: string, output: string): OnnxNode => ({ op, inputs: [input], output });
    const nodes = [
      CONV,
      unknown('GridSample', 'map', 'a'),
      unknown('Resize', 'a', 'b'),
      unknown('GridSample', 'b', 'c'),
    ];
    rejects(
      modelOf(nodes, { constants: [W] }),
      'UNSUPPORTED_MODEL',
      /^the model: operators that are not read: GridSample \(a, c\), Resize \(b\)\. docs\/cli\.md lists what is read$/,
    );
  });

  it('says of a known operator what of it is not read, beside the others', () => {
    const nodes: OnnxNode[] = [
      { ...CONV, inputs: ['images', 'line'] },
      { op: 'Pad', inputs: ['images', 'pads'], output: 'padded', attributes: {} },
      { op: 'Relu', inputs: ['padded'], output: 'active' },
      { op: 'MaxPool', inputs: ['images'], output: 'pooled', attributes: { kernel_shape: [2, 2], dilations: [2, 2] } },
      { op: 'Sum', inputs: ['map', 'active', 'pooled'], output: 'all' },
    ];
    const constants = [weights('line', [4, 3, 3]), { name: 'pads', shape: [8], data: [0, 0, 1, 1, 0, 0, 1, 1] }];
    rejects(
      modelOf(nodes, { constants }),
      'UNSUPPORTED_MODEL',
      /Conv map: its kernel has 1 dimensions; .*; Relu active: zeros around a map .*; MaxPool pooled: pools with dilation/,
    );
  });

  it('channels last: names the node that exchanges axes', () => {
    const input: OnnxValue = { name: 'images', shape: [1, 8, 8, 3] };
    const exchange: OnnxNode = {
      op: 'Transpose',
      inputs: ['images'],
      output: 'first',
      attributes: { perm: [0, 3, 1, 2] },
    };
    const conv = { ...CONV, inputs: ['first', 'w'] };
    rejects(
      modelOf([exchange, conv], { constants: [W], input }),
      'UNSUPPORTED_MODEL',
      /Transpose first: its order of axes is 0, 3, 1, 2; .* not channels last/,
    );
  });

  it('many: names twenty and counts the rest', () => {
    const nodes = Array.from(
      { length: 50 },
      (_, at): OnnxNode => ({ op: 'Einsum', inputs: [at ? `e${at - 1}` : 'images'], output: `e${at}` }),
    );
    rejects(modelOf(nodes), 'UNSUPPORTED_MODEL', /Einsum \(e0, e1, .* e19, and 30 more\)/);
  });

  it('does not mind what no output needs', () => {
    const nodes: OnnxNode[] = [{ op: 'Mystery', inputs: ['images'], output: 'unread' }, CONV];
    assert.equal(readOnnx(modelOf(nodes, { constants: [W] })).classes, 256);
  });

  const extents: readonly [what: string, shape: (number | string)[], message: RegExp][] = [
    [
      'height and width that vary',
      ['N', 3, 'height', 'width'],
      /images has the shape N × 3 × height × width, where height and width may vary; .*dynamic_axes/,
    ],
    ['channels that vary', ['N', 'c', 8, 8], /where channels may vary/],
    ['no map', ['N', 12], /has the shape N × 12; images, .*, are needed/],
    ['an extent of 0', [1, 3, 0, 8], /where height may vary/],
  ];
  for (const [what, shape, message] of extents) {
    it(`images with ${what}`, () => {
      rejects(modelOf([CONV], { constants: [W], input: { name: 'images', shape } }), 'UNSUPPORTED_MODEL', message);
    });
  }

  it('images mixed with each other, weights that do not fit, an output that images do not reach', () => {
    const reshape: OnnxNode = { op: 'Reshape', inputs: ['images', 'shape'], output: 'mixed' };
    const shape = { name: 'shape', shape: [2], data: [2, -1] };
    rejects(modelOf([reshape], { constants: [shape] }), 'UNSUPPORTED_MODEL', /Reshape mixed: it mixes images/);
    rejects(
      modelOf([CONV], { constants: [weights('w', [4, 2, 3, 3])] }),
      'UNSUPPORTED_MODEL',
      /4×2×3×3 in 1 groups do not fit 3 channels/,
    );
    rejects(modelOf([CONV]), 'UNSUPPORTED_MODEL', /Conv map: it reads w, which nothing before it gives/);
    const aside: OnnxNode = { op: 'Identity', inputs: ['w'], output: 'aside' };
    rejects(
      modelOf([CONV, aside], { constants: [W] }),
      'UNSUPPORTED_MODEL',
      /output aside does not depend on the images/,
    );
  });

  it('operators of versions that are not read', () => {
    const old = encodeOnnx({
      ...({} as OnnxModel),
      name: 'n',
      producer: { name: '', version: '' },
      nodes: [CONV],
      constants: [W],
      input: IMAGES,
      output: { name: 'map', shape: [] },
    });
    const at = Buffer.from(old).lastIndexOf(17);
    for (const version of [10, 22]) {
      const other = Uint8Array.from(old);
      other[at] = version;
      rejects(other, 'UNSUPPORTED_MODEL', new RegExp(`operators of version ${version}; 11 to 21 are read`));
    }
  });

  it('scale and shift of a normalization that do not fit, where the weights of the file are asked for', () => {
    const norm: OnnxNode = { op: 'BatchNormalization', inputs: ['map', 'scale', 'shift', 'm', 'v'], output: 'normal' };
    const constants = (channels: number) => [
      W,
      ...['scale', 'shift', 'm', 'v'].map((name) => weights(name, [channels])),
    ];
    const file = modelOf([CONV, norm], { constants: constants(5) });
    rejects(file, 'INVALID_FILE', /weights of 5 numbers are no 4$/, { weights: 'file' });
    assert.equal(readOnnx(file).parameters, undefined);
    const { parameters } = readOnnx(modelOf([CONV, norm], { constants: constants(4) }), { weights: 'file' });
    assert.deepEqual(
      parameters?.map(({ length }) => length),
      [108, 4, 4],
    );
    const without = { ...norm, inputs: ['map', 'scale'] };
    rejects(
      modelOf([CONV, without], { constants: constants(4) }),
      'UNSUPPORTED_MODEL',
      /BatchNormalization normal: its shifts are missing/,
      { weights: 'file' },
    );
  });
});

describe('tensors outside the model', () => {
  const external = (location: string, offset: number): Uint8Array => {
    const entry = (key: string, value: string) => (writer: BinaryWriter) =>
      writer
        .tag(13, WireType.LengthDelimited)
        .fork()
        .tag(1, WireType.LengthDelimited)
        .string(key)
        .tag(2, WireType.LengthDelimited)
        .string(value)
        .join();
    const tensor = new BinaryWriter();
    for (const extent of W.shape) tensor.tag(1, WireType.Varint).int64(extent);
    tensor.tag(2, WireType.Varint).int64(1).tag(8, WireType.LengthDelimited).string('w');
    entry('location', location)(tensor);
    entry('offset', String(offset))(tensor);
    tensor.tag(14, WireType.Varint).int64(1);
    // A graph given in two pieces is one.
    const graph = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(tensor.finish()).finish();
    return Buffer.concat([modelOf([CONV]), new BinaryWriter().tag(7, WireType.LengthDelimited).bytes(graph).finish()]);
  };

  it('are read beside it, and nowhere else', () => {
    const folder = mkdtempSync(join(tmpdir(), 'eznas-onnx-'));
    try {
      const path = join(folder, 'model.onnx');
      const numbers = Float32Array.from({ length: 110 }, (_, at) => at);
      writeFileSync(join(folder, 'weights.bin'), Buffer.from(numbers.buffer));
      writeFileSync(path, external('weights.bin', 8));
      const read = readOnnx(path, { weights: 'file' });
      assert.deepEqual(read.parameters, [numbers.subarray(2)]);
      assert.deepEqual([read.dataFiles, readOnnx(path).dataFiles], [['weights.bin'], []]);
      writeFileSync(path, external('weights.bin', 12));
      rejects(path, 'INVALID_FILE', /truncated/, { weights: 'file' });
      for (const location of ['../weights.bin', '/etc/passwd', 'a/../../b', '']) {
        writeFileSync(path, external(location, 0));
        rejects(path, 'INVALID_FILE', /outside the model's folder/, { weights: 'file' });
        assert.equal(readOnnx(path).classes, 256);
      }
      rejects(external('weights.bin', 8), 'INVALID_FILE', /give the path of the model/, { weights: 'file' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
