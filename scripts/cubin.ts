/**
 * What compiled GPU code holds, read from the files themselves, since CUDA's own readers (cuobjdump, nvdisasm) are not part of every installation
 * of nvcc. Machine code is that of compute capability 7.0 and later: instructions of 16 bytes.
 */

/** A kernel, and how it multiplies matrices. */
export interface KernelCode {
  /** As the compiler mangled it. */
  readonly symbol: string;
  /** Number of instructions for tensor cores (HMMA), by the type of what they multiply. */
  readonly matrix: Readonly<Record<MatrixType, number>>;
}

const MATRIX_TYPES = ['f16', 'bf16', 'tf32', 'other'] as const;
export type MatrixType = (typeof MATRIX_TYPES)[number];

const HMMA = 0x23c;
const INSTRUCTION_BYTES = 16;

/** The kernels of a cubin, which is an ELF file with a section `.text.<kernel>` each. */
export function kernelsOf(cubin: Buffer): KernelCode[] {
  return sectionsOf(cubin)
    .filter(({ name }) => name.startsWith('.text.'))
    .map(({ name, start, bytes }) => {
      const matrix = { f16: 0, bf16: 0, tf32: 0, other: 0 };
      for (let at = start; at < start + bytes; at += INSTRUCTION_BYTES) {
        const opcode = cubin.readUInt16LE(at) & 0xfff;
        // Bits 82 and 83 of the instruction tell the type.
        if (opcode === HMMA) matrix[MATRIX_TYPES[(cubin.readUInt32LE(at + 8) >>> 18) & 3]!] += 1;
      }
      return { symbol: name.slice('.text.'.length), matrix };
    });
}

/**
 * The devices that a library or addon has CUDA code for, sorted: `sm_90` is machine code for one generation, `compute_90` the intermediate code from
 * which drivers make code for that and later ones. Empty without CUDA code.
 */
export function devicesOf(binary: Buffer): string[] {
  const devices = new Set<string>();
  for (const { start, bytes } of sectionsOf(binary).filter(({ name }) => name === '.nv_fatbin')) {
    let at = start;
    while (at + 16 <= start + bytes) {
      if (binary.readUInt32LE(at) !== FATBIN_MAGIC) {
        at += 8;
        continue;
      }
      const end = at + binary.readUInt16LE(at + 6) + Number(binary.readBigUInt64LE(at + 8));
      at += binary.readUInt16LE(at + 6);
      while (at < end) {
        const kind = binary.readUInt16LE(at);
        const architecture = binary.readUInt32LE(at + 28);
        if (kind !== PTX && kind !== MACHINE_CODE) throw new Error(`CUDA code of an unknown kind, ${kind}`);
        devices.add(`${kind === PTX ? 'compute' : 'sm'}_${architecture}`);
        at += binary.readUInt32LE(at + 4) + Number(binary.readBigUInt64LE(at + 8));
      }
    }
  }
  return [...devices].sort();
}

/** Of a container (magic, 16-bit version and header size, 64-bit size) and the kinds of what it contains. */
const FATBIN_MAGIC = 0xba55ed50;
const PTX = 1;
const MACHINE_CODE = 2;

interface Section {
  readonly name: string;
  readonly start: number;
  readonly bytes: number;
}

/** Of a 64-bit little-endian ELF file. */
function sectionsOf(file: Buffer): Section[] {
  if (file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2) throw new Error('not a 64-bit ELF file');
  const table = Number(file.readBigUInt64LE(0x28));
  const [size, count, names] = [file.readUInt16LE(0x3a), file.readUInt16LE(0x3c), file.readUInt16LE(0x3e)];
  const raw = Array.from({ length: count }, (_, i) => {
    const at = table + i * size;
    return {
      nameAt: file.readUInt32LE(at),
      start: Number(file.readBigUInt64LE(at + 24)),
      bytes: Number(file.readBigUInt64LE(at + 32)),
    };
  });
  const strings = raw[names]!.start;
  return raw.map(({ nameAt, start, bytes }) => {
    const from = strings + nameAt;
    return { name: file.toString('latin1', from, file.indexOf(0, from)), start, bytes };
  });
}
