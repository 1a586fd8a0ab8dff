import { expect, test } from "vitest";
import { markup } from "./markup.ts";
import { renderPage, table } from "./page.ts";

test("what is put into a template is escaped; markup, and lists of it, stand as they are", () => {
  const hostile = `<script>"&'\u0000\u0085`;
  const escaped = "&lt;script&gt;&quot;&amp;&#39;&lt;00&gt;&lt;85&gt;";
  expect(markup`<p title="${hostile}">${hostile}</p>`.text).toBe(`<p title="${escaped}">${escaped}</p>`);
  const list = [markup`<i>${1}</i>`, undefined, ["a<", markup`<b></b>`]];
  expect(markup`${list}`.text).toBe("<i>1</i>a&lt;<b></b>");
  expect(markup`${"a\n\tb"}`.text).toBe("a\n\tb");
});

test("a page asks for nothing from anywhere, and its tables name their columns and rows", () => {
  const rows = [["a <b>", 1]];
  const body = table({ name: "things", caption: "All & any", columns: [{ label: "x" }, { label: "y" }], rows });
  const page = renderPage({ title: "A & B", body });
  expect(page).toContain("<title>A &amp; B</title>");
  expect(page).toContain(`<th scope="row" class="text">a &lt;b&gt;</th><td class="text">1</td>`);
  expect(page.match(/(?:src|href)="(?!#)[^"]*"|url\(|@import|<script/g)).toBeNull();
});
