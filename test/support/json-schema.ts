// Checks a value against a JSON Schema (2020-12), as far as our own document uses it. A keyword that is not known here is an error of
// the test, so nothing is silently left unchecked.

type Schema = Readonly<Record<string, unknown>>;

/** What does not fit, each with its place; empty when all does. @throws Error for a keyword it does not know */
export function mismatches(value: unknown, schema: unknown, root: unknown, at = "$"): string[] {
  if (schema === true || !isObject(schema)) return [];
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    const check = KEYWORDS[keyword];
    if (!check) throw new Error(`schema keyword ${keyword} is not known (${at})`);
    return check(value, rule, schema, root, at);
  });
}

type Check = (value: unknown, rule: unknown, schema: Schema, root: unknown, at: string) => string[];

const ignore: Check = () => [];

const KEYWORDS: Readonly<Record<string, Check>> = {
  description: ignore,
  title: ignore,
  format: ignore,
  $ref: (value, rule, _schema, root, at) => mismatches(value, resolve(String(rule), root), root, at),
  type: (value, rule, _schema, _root, at) => {
    const types = Array.isArray(rule) ? rule : [rule];
    return types.some((type) => isOfType(value, String(type))) ? [] : [`${at}: not of type ${types.join(" or ")}`];
  },
  const: (value, rule, _schema, _root, at) => (value === rule ? [] : [`${at}: not ${JSON.stringify(rule)}`]),
  enum: (value, rule, _schema, _root, at) =>
    list(rule).includes(value) ? [] : [`${at}: not one of ${JSON.stringify(rule)}`],
  anyOf: (value, rule, _schema, root, at) =>
    list(rule).some((each) => mismatches(value, each, root, at).length === 0) ? [] : [`${at}: fits none of anyOf`],
  allOf: (value, rule, _schema, root, at) => list(rule).flatMap((each) => mismatches(value, each, root, at)),
  minimum: (value, rule, _schema, _root, at) =>
    typeof value === "number" && value < Number(rule) ? [`${at}: below ${rule}`] : [],
  maximum: (value, rule, _schema, _root, at) =>
    typeof value === "number" && value > Number(rule) ? [`${at}: above ${rule}`] : [],
  pattern: (value, rule, _schema, _root, at) =>
    typeof value === "string" && !new RegExp(String(rule), "u").test(value) ? [`${at}: does not match ${rule}`] : [],
  required: (value, rule, _schema, _root, at) =>
    isObject(value)
      ? list(rule)
          .filter((name) => !(String(name) in value))
          .map((name) => `${at}: ${name} is missing`)
      : [],
  properties: (value, rule, _schema, root, at) =>
    isObject(value) && isObject(rule)
      ? Object.entries(rule).flatMap(([name, each]) =>
          name in value ? mismatches(value[name], each, root, `${at}.${name}`) : [],
        )
      : [],
  additionalProperties: (value, rule, schema, root, at) => {
    if (!isObject(value)) return [];
    const known = isObject(schema.properties) ? schema.properties : {};
    const others = Object.keys(value).filter((name) => !(name in known));
    if (rule === false) return others.map((name) => `${at}: ${name} is not declared`);
    return others.flatMap((name) => mismatches(value[name], rule, root, `${at}.${name}`));
  },
  propertyNames: (value, rule, _schema, root, at) =>
    isObject(value) ? Object.keys(value).flatMap((name) => mismatches(name, rule, root, `${at} name ${name}`)) : [],
  items: (value, rule, _schema, root, at) =>
    Array.isArray(value) ? value.flatMap((each, i) => mismatches(each, rule, root, `${at}[${i}]`)) : [],
};

function resolve(reference: string, root: unknown): unknown {
  if (!reference.startsWith("#/")) throw new Error(`reference ${reference} leads outside`);
  let here: unknown = root;
  for (const part of reference.slice(2).split("/")) here = isObject(here) ? here[part] : undefined;
  if (here === undefined) throw new Error(`reference ${reference} leads nowhere`);
  return here;
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(rule: unknown): readonly unknown[] {
  return Array.isArray(rule) ? rule : [];
}

/** Objects that declare their properties have no others: an answer must not say more than is described. */
export function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return "properties" in inner && inner.type === "object" ? { ...inner, additionalProperties: false } : inner;
}
