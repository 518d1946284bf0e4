// What the console uses of preact.
export type VNode = object;
export function h(type: unknown, props: object | null, ...children: unknown[]): VNode;
export function render(node: VNode, into: Element): void;
export function Fragment(props: { children?: unknown }): VNode;
