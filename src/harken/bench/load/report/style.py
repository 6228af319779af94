"""The style of a report: one for light, dark and paper.

Colours have names of their own, and dark only gives them other values. The invariant: it asks for nothing from outside.
"""

STYLE = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1b1f24; --soft: #59636e; --line: #d8dce1; --box: #f2f3f5;
  --s0: #2563c9; --s1: #c2410c; --s2: #0f7a5a; --s3: #8a3ffc; --s4: #a16207; --s5: #b0246b; --bad: #c62828; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --ink: #e6e9ed; --soft: #9aa4b0; --line: #343a42;
  --box: #1d2127; --s0: #6ea8ff; --s1: #ff9a62; --s2: #4fd1a5; --s3: #bf9bff; --s4: #e3b341; --s5: #ff86b8;
  --bad: #ff6b6b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 60px; max-width: 960px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 8px; }
p, li { max-width: 75ch; }
.soft, caption, dt { color: var(--soft); }
dl.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px; margin: 20px 0; }
dl.tiles div { background: var(--box); border-radius: 8px; padding: 10px 14px; }
dl.tiles dt { font-size: 13px; } dl.tiles dd { margin: 0; font-size: 21px; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { font-size: 14px; border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 4px; }
th, td { text-align: right; padding: 4px 8px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; font-size: 13px; } th:first-child, td:first-child { text-align: left; padding-left: 0; }
table.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
table.facts th { text-align: left; vertical-align: top; width: 1%; }
tr.knee td { font-weight: 600; background: var(--box); }
.note { border-left: 4px solid var(--bad); padding: 4px 12px; }
svg { width: 100%; min-width: 540px; height: auto; display: block; margin: 8px 0; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--line); fill: none; } .mark { stroke: var(--ink); stroke-dasharray: 4 4; fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .again { stroke-dasharray: 6 3; }
.line.s0 { stroke: var(--s0); } .line.s1 { stroke: var(--s1); } .line.s2 { stroke: var(--s2); }
.line.s3 { stroke: var(--s3); } .line.s4 { stroke: var(--s4); } .line.s5 { stroke: var(--s5); }
.dot.s0, .fill.s0 { fill: var(--s0); } .dot.s1 { fill: var(--s1); } .dot.s2 { fill: var(--s2); }
.dot.s3 { fill: var(--s3); } .dot.s4 { fill: var(--s4); } .dot.s5 { fill: var(--s5); } .fill.bad { fill: var(--bad); }
ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 0 0 8px 74px; }
ul.legend svg { width: 22px; min-width: 0; height: 10px; display: inline-block; margin: 0 6px 0 0; }
@media print { :root { --page: #fff; --ink: #000; --soft: #444; --line: #bbb; --box: #f2f2f2; --s0: #2563c9;
  --s1: #c2410c; --s2: #0f7a5a; --s3: #8a3ffc; --s4: #a16207; --s5: #b0246b; --bad: #c62828; }
  body { max-width: none; padding: 0; font-size: 11pt; } h2 { break-after: avoid; } svg, table { break-inside: avoid; }
  .scroll { overflow: visible; } * { print-color-adjust: exact; } }
"""
