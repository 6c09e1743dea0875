"""The page's style sheet.  Data only."""

STYLE = """
body{font:14px/1.45 system-ui,'DejaVu Sans',sans-serif;color:#20303c;background:#fff;margin:0 auto 40px;
 max-width:1260px;padding:0 16px}
.mode{margin:0 -16px 14px;padding:7px 16px;font-weight:700;letter-spacing:.04em}
.simulated{background:#fff3cd;border-bottom:3px solid #d9a400}.bench{background:#dcebf7;border-bottom:3px solid #1f5fa8}
.line{background:#e7f4e7;border-bottom:3px solid #2f7d32}
h1{font-size:24px;margin:0 0 2px}h2{font-size:18px;margin:26px 0 6px;border-bottom:2px solid #20303c}
p.n,.n{color:#66757f;font-size:12.5px;margin:2px 0}
table{border-collapse:collapse;font-size:13px}
td,th{text-align:left;padding:2px 16px 2px 0;vertical-align:top;border-bottom:1px solid #eceff1}
th{color:#66757f;font-weight:400}.about th{padding-right:14px}.about td,.about th{border:0;padding-bottom:1px}
td.r,th.r{text-align:right}code{font-size:12px;background:#f3f5f6;padding:1px 4px}
.tiles{display:flex;gap:10px;margin:12px 0}.tile{flex:1;border:1px solid #dde2e5;border-top-width:5px;padding:6px 12px}
.tile b{font-size:22px;display:block;font-variant-numeric:tabular-nums}.tile span{color:#66757f;font-size:12.5px}
.v{display:inline-block;border-radius:3px;padding:0 6px;font-size:12px;font-weight:600;white-space:nowrap}
.PASS{background:#cfe8cf;color:#1d4d1d}.FAIL{background:#c0392b;color:#fff}.AT_LIMIT{background:#f3dc86;color:#4d3e00}
.UNKNOWN{background:#8d99a1;color:#fff}.AMBIGUOUS{background:#7b4fa3;color:#fff}.SCRAP{background:#d9dee2;color:#4a565e}
.pale{opacity:.45}
svg{display:block;margin:8px 0 4px;font:11px 'DejaVu Sans',sans-serif}
svg polyline{fill:none;stroke-width:1.2}svg .g{stroke:#e1e6e9}svg .bound{stroke:#b3261e}
svg .frame{fill:none;stroke:#c2cbd1}svg text{fill:#44535e}svg .y{text-anchor:end}svg .x{text-anchor:middle}
svg .r{text-anchor:end}svg .t{font-weight:600}svg .w{font-weight:400}svg .s{font-size:10px}svg .e{fill:#20303c}
@media print{.mode,.v,.tile,svg *{print-color-adjust:exact;-webkit-print-color-adjust:exact}h2{break-after:avoid}}
"""
