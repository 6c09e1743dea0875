"""The page's style sheet.  Data only."""

STYLE = """
body{font:14px/1.45 system-ui,'DejaVu Sans',sans-serif;color:#20303c;background:#fff;margin:24px auto;max-width:1360px;
 padding:0 16px}
h1{font-size:24px;margin:0 0 8px}h2{font-size:18px;margin:28px 0 6px;border-bottom:2px solid #20303c}
h3{font-size:15px;margin:20px 0 4px}h4{margin:8px 0 2px}
table{border-collapse:collapse}.about th{text-align:left;font-weight:600;padding:1px 14px 1px 0}
.n{color:#66757f;font-weight:400;font-size:12.5px}
.v{display:inline-block;border-radius:3px;padding:0 6px;margin-right:6px;font-size:12px;font-weight:600}
.PASS{background:#cfe8cf;color:#1d4d1d}.FAIL{background:#c0392b;color:#fff}.SKIP{background:#e3e6e8;color:#4a565e}
.INFRA_BENCH,.INFRA_PORT,.INFRA_FLASH,.INFRA_TOOL{background:#7b4fa3;color:#fff}
.none{color:#9aa5ac;border:1px dashed #c5ccd1}
.figures td,.figures th{text-align:left;padding:1px 18px 1px 0;font-weight:400}.figures th{color:#66757f}
.wide{overflow-x:auto}
.matrix{font-size:11.5px}.matrix td,.matrix th{border:1px solid #dde2e5;padding:1px;text-align:center}
.matrix th{font-weight:400}.matrix .id{text-align:left;font-weight:600;white-space:nowrap;padding-right:5px}
.matrix .title{text-align:left;
 min-width:150px;max-width:190px;padding-right:4px;line-height:1.25}
.matrix .node{font-weight:600;background:#f3f5f6}.matrix .kind th{text-align:left;background:#f3f5f6;font-weight:600}
.matrix .first{border-left:2px solid #8796a0}
.place{vertical-align:bottom}
.place div{writing-mode:vertical-rl;transform:rotate(180deg);margin:2px auto;white-space:nowrap}
tbody tr:hover{background:#f6f9fc}
.m{display:inline-block;width:10px;font:600 8.5px/13px 'DejaVu Sans',sans-serif;text-align:center;border-radius:2px;
 margin:0;text-decoration:none;box-sizing:border-box}
.m+.m{margin-left:1px}p .m{margin:0 3px 0 8px}
td{white-space:nowrap}
details{margin:2px 0}summary{cursor:pointer;padding:1px 0}details[open]>summary{background:#f3f5f6}
details>svg,details>pre,details>p,details>h4,details>details,details>ul{margin-left:18px}
.why{border-left:4px solid #c0392b}
pre{background:#f7f8f9;border:1px solid #e3e7ea;padding:8px;overflow-x:auto;font-size:11.5px;line-height:1.35}
code{font-size:12px;background:#f3f5f6;padding:1px 4px}
.events td{padding:0 14px 0 0;font-size:12px}.events td:first-child{text-align:right}
.band{display:inline-block;width:18px;height:10px;background:#fbdedb;border:1px solid #c0392b;margin-left:8px}
svg{display:block;margin:8px 0 4px;font:11px 'DejaVu Sans',sans-serif}
svg polyline{fill:none;stroke-width:1.3}svg .g{stroke:#e1e6e9}svg .edge{stroke:#c0392b;stroke-dasharray:3 2}
svg .frame{fill:none;stroke:#c2cbd1}svg text{fill:#44535e}svg .y{text-anchor:end}svg .x{text-anchor:middle}
svg .t{font-weight:600}svg .e{fill:#20303c}
svg .s{font-size:10px}
"""
