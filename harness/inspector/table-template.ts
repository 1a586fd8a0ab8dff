import { allZeros, rawTemplate, TemplateBuilder, zerosTemplate, type Template } from "./content-template.ts";
import { tableName } from "./store-names.ts";
import { frameTable, type TableBlock, type TableProperties } from "./table-framing.ts";
import { TRAILER_SIZE } from "./table-footer.ts";

/** Blocks in their order; the index holds offsets of what lies before the properties, which no renaming moves. */
export function tableTemplate(bytes: Uint8Array, number: number): Template {
  if (allZeros(bytes)) return zerosTemplate(bytes.length);
  const { problem, footer, properties, blocks } = frameTable(bytes);
  if (problem !== undefined || !footer || !properties) return rawTemplate(bytes, tableName(number));
  const builder = new TemplateBuilder();
  builder.text("table");
  builder.number(footer.fileNumber);
  builder.tag(footer.tag);
  for (const block of blocks) addBlock(builder, bytes, block, properties);
  // Versions and features: what the format lets stand there without being unsupported.
  builder.bytes(bytes.subarray(footer.offset + 16, footer.offset + 24));
  return builder.finish();
}

function addBlock(builder: TemplateBuilder, bytes: Uint8Array, block: TableBlock, properties: TableProperties): void {
  const { role, name, offset, length, verifies, compression } = block;
  builder.text("block", role, Buffer.from(name, "latin1").toString("hex"), compression);
  if (!verifies) {
    builder.text("bad");
    builder.bytes(bytes.subarray(offset, offset + length + TRAILER_SIZE));
  } else if (role === "properties") addProperties(builder, properties);
  else if (role !== "metaindex") builder.bytes(bytes.subarray(offset, offset + length));
}

function addProperties(builder: TemplateBuilder, properties: TableProperties): void {
  const { databaseId, fileNumber, tag, creationTime: _, inputs, obsolete, logNumber, unknown, ...rest } = properties;
  builder.id(databaseId);
  builder.number(fileNumber);
  builder.tag(tag);
  builder.number(logNumber);
  builder.text(inputs.length);
  for (const input of inputs) {
    builder.number(input.number);
    builder.tag(input.tag);
  }
  builder.obsolete(obsolete);
  for (const { tag, bytes } of unknown) {
    builder.text(tag);
    builder.bytes(bytes);
  }
  builder.text(JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))));
}
