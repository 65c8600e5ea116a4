/**
 * What compiled GPU code holds, read from the files themselves, since CUDA's own readers (cuobjdump, nvdisasm) are not part of every installation
 * of nvcc. Machine code is that of compute capability 7.0 and later: instructions of 16 bytes.
 */

/** A kernel, and what it takes. */
export interface KernelCode {
  /** As the compiler mangled it. */
  readonly symbol: string;
  /** Of each thread. */
  readonly registers: number;
  /** Bytes of a block that the kernel declares itself. */
  readonly shared: number;
  /** Bytes of a thread: arrays that are indexed, and registers that are spilled. */
  readonly stack: number;
  /** Number of instructions for tensor cores (HMMA), by the type of what they multiply. */
  readonly matrix: Readonly<Record<MatrixType, number>>;
}

const MATRIX_TYPES = ['f16', 'bf16', 'tf32', 'other'] as const;
export type MatrixType = (typeof MATRIX_TYPES)[number];

const HMMA = 0x23c;
const INSTRUCTION_BYTES = 16;
/** Of every block, for the system: counted in the size of the section, not declared. */
const RESERVED_SHARED = 1024;
/** Attributes of .nv.info: a symbol's index and a number. */
const REGISTERS = 0x2f;
const LEAST_STACK = 0x12;
const WITH_VALUE = 4;

/** The kernels of a cubin, which is an ELF file with a section `.text.<kernel>` each. */
export function kernelsOf(cubin: Buffer): KernelCode[] {
  const sections = sectionsOf(cubin);
  const registers = attributesOf(cubin, sections, REGISTERS);
  const stacks = attributesOf(cubin, sections, LEAST_STACK);
  return sections
    .filter(({ name }) => name.startsWith('.text.'))
    .map(({ name, start, bytes }) => {
      const symbol = name.slice('.text.'.length);
      const matrix = { f16: 0, bf16: 0, tf32: 0, other: 0 };
      for (let at = start; at < start + bytes; at += INSTRUCTION_BYTES) {
        const opcode = cubin.readUInt16LE(at) & 0xfff;
        // Bits 82 and 83 of the instruction tell the type.
        if (opcode === HMMA) matrix[MATRIX_TYPES[(cubin.readUInt32LE(at + 8) >>> 18) & 3]!] += 1;
      }
      const shared = sections.find((section) => section.name === `.nv.shared.${symbol}`)?.bytes ?? RESERVED_SHARED;
      const [taken, stack] = [registers.get(symbol), stacks.get(symbol)];
      if (taken === undefined || stack === undefined) throw new Error(`the cubin does not tell what ${symbol} takes`);
      return { symbol, registers: taken, shared: shared - RESERVED_SHARED, stack, matrix };
    });
}

/** The machine code in an object file, one cubin per file and device that it was compiled from and for. */
export function cubinsOf(object: Buffer): Buffer[] {
  return fatbinPartsOf(object)
    .filter(({ kind }) => kind === MACHINE_CODE)
    .map(({ code }) => {
      if (code.readUInt32BE(0) !== ELF_MAGIC) throw new Error('the machine code is compressed');
      return code;
    });
}

/**
 * The devices that a library or addon has CUDA code for, sorted: `sm_90` is machine code for one generation, `compute_90` the intermediate code from
 * which drivers make code for that and later ones. Empty without CUDA code.
 */
export function devicesOf(binary: Buffer): string[] {
  const devices = fatbinPartsOf(binary).map(
    ({ kind, architecture }) => `${kind === PTX ? 'compute' : 'sm'}_${architecture}`,
  );
  return [...new Set(devices)].sort();
}

/** Of a container (magic, 16-bit version and header size, 64-bit size) and the kinds of what it contains. */
const FATBIN_MAGIC = 0xba55ed50;
const PTX = 1;
const MACHINE_CODE = 2;

interface FatbinPart {
  readonly kind: typeof PTX | typeof MACHINE_CODE;
  readonly architecture: number;
  readonly code: Buffer;
}

/** What the containers in a file's section for CUDA code hold. */
function fatbinPartsOf(file: Buffer): FatbinPart[] {
  const parts: FatbinPart[] = [];
  for (const { start, bytes } of sectionsOf(file).filter(({ name }) => name === '.nv_fatbin')) {
    let at = start;
    while (at + 16 <= start + bytes) {
      if (file.readUInt32LE(at) !== FATBIN_MAGIC) {
        at += 8;
        continue;
      }
      const end = at + file.readUInt16LE(at + 6) + Number(file.readBigUInt64LE(at + 8));
      at += file.readUInt16LE(at + 6);
      while (at < end) {
        const kind = file.readUInt16LE(at);
        if (kind !== PTX && kind !== MACHINE_CODE) throw new Error(`CUDA code of an unknown kind, ${kind}`);
        const from = at + file.readUInt32LE(at + 4);
        const to = from + Number(file.readBigUInt64LE(at + 8));
        parts.push({ kind, architecture: file.readUInt32LE(at + 28), code: file.subarray(from, to) });
        at = to;
      }
    }
  }
  return parts;
}

/** An attribute's value for each symbol that has it. */
function attributesOf(cubin: Buffer, sections: readonly Section[], attribute: number): Map<string, number> {
  const section = (wanted: string) => sections.find(({ name }) => name === wanted);
  const [info, symbols, names] = [section('.nv.info'), section('.symtab'), section('.strtab')];
  const values = new Map<string, number>();
  if (info === undefined || symbols === undefined || names === undefined) return values;
  for (let at = info.start; at < info.start + info.bytes; ) {
    const [format, kind, size] = [cubin[at], cubin[at + 1], cubin.readUInt16LE(at + 2)];
    at += 4;
    if (format !== WITH_VALUE) continue;
    if (kind === attribute) {
      const symbol = symbols.start + SYMBOL_BYTES * cubin.readUInt32LE(at);
      values.set(textAt(cubin, names.start + cubin.readUInt32LE(symbol)), cubin.readUInt32LE(at + 4));
    }
    at += size;
  }
  return values;
}

const ELF_MAGIC = 0x7f454c46;
const SYMBOL_BYTES = 24;

interface Section {
  readonly name: string;
  readonly start: number;
  readonly bytes: number;
}

/** Of a 64-bit little-endian ELF file. */
function sectionsOf(file: Buffer): Section[] {
  if (file.readUInt32BE(0) !== ELF_MAGIC || file[4] !== 2) throw new Error('not a 64-bit ELF file');
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
  return raw.map(({ nameAt, start, bytes }) => ({ name: textAt(file, strings + nameAt), start, bytes }));
}

function textAt(file: Buffer, from: number): string {
  return file.toString('latin1', from, file.indexOf(0, from));
}
