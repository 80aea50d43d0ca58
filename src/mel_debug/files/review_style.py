"""The style of review pages, in light and dark, and the signs that are drawn over crops."""

SYMBOLS = (
    '<svg width="0" height="0" aria-hidden="true" class="symbols"><symbol id="cross" '
    'overflow="visible"><path d="M-75 0H-35M35 0H75M0 -75V-35M0 35V75"/></symbol></svg>'
)
"""A cross that leaves its centre free, so that the mole stays visible; in picture pixels."""

STYLE = """
:root{color-scheme:light dark;--ground:#fff;--text:#1a1a1a;--soft:#555;--line:#d5d5d5;
--card:#f6f6f6;--link:#0550ae;--good:#1a7f37;--unsure:#9a6700;--gone:#57606a;--bad:#a40e26}
@media (prefers-color-scheme:dark){:root{--ground:#15181c;--text:#e6e6e6;--soft:#a9b1ba;
--line:#3a4048;--card:#1f242a;--link:#79b8ff;--good:#3fb950;--unsure:#d29922;--gone:#8b949e;
--bad:#ff7b72}}
body{margin:0 auto;max-width:86rem;padding:1rem 1.25rem 3rem;background:var(--ground);
color:var(--text);font:16px/1.45 system-ui,sans-serif}
h1{font-size:1.5rem}h2{font-size:1.15rem;overflow-wrap:anywhere;margin:2.2rem 0 .2rem}
h3{font-size:1rem;margin:0 0 .2rem;overflow-wrap:anywhere}p{margin:.15rem 0}
a{color:var(--link)}pre{overflow-x:auto;font-size:14px}
.symbols{position:absolute}
.filters{display:flex;flex-wrap:wrap;gap:.5rem;border:1px solid var(--line);border-radius:.5rem}
.chip{display:inline-flex;align-items:center;gap:.35rem;padding:.15rem .5rem}
.dot{width:.8rem;height:.8rem;border-radius:50%;background:var(--kind)}
.good{--kind:var(--good)}.unsure{--kind:var(--unsure)}.gone{--kind:var(--gone)}
.bad{--kind:var(--bad)}
nav{max-height:16rem;overflow:auto;margin-top:.8rem}nav li{overflow-wrap:anywhere}
nav span,section>p,.about p+p,figcaption{color:var(--soft)}
section{content-visibility:auto;contain-intrinsic-size:auto 60rem}
.overviews{display:flex;flex-wrap:wrap;gap:1rem;margin:.6rem 0 1rem}
figure{margin:0}.picture{position:relative;line-height:0}
.overview{width:26rem;max-width:100%}.overview[style]{width:17rem}
img{width:100%;height:auto;border-radius:.3rem;background:var(--line)}
.strip{width:calc(var(--panels)*15rem);max-width:100%}
.strip svg{position:absolute;inset:0;width:100%;height:100%}
.strip figcaption{display:grid;grid-template-columns:repeat(var(--panels),1fr);gap:.4rem;
font-size:.8rem;overflow-wrap:anywhere}
.overview figcaption{font-size:.85rem;overflow-wrap:anywhere}
.spot{position:absolute;transform:translate(-50%,-50%);min-width:1.15rem;padding:0 .2rem;
box-sizing:border-box;border:2px solid #fff;border-radius:1rem;background:#222d;color:#fff;
font:700 .72rem/1.05rem system-ui,sans-serif;text-align:center;text-decoration:none}
.spot.good{background:#1a7f37}.spot.unsure{background:#9a6700;border-style:dashed}
.spot.gone{background:#444;border-style:dotted}
.spot:hover,.spot:focus{z-index:1;outline:3px solid var(--link)}
.cards{list-style:none;margin:0;padding:0;display:grid;gap:1rem;
grid-template-columns:repeat(auto-fill,minmax(min(100%,30rem),1fr))}
.card{padding:.7rem;border:1px solid var(--line);border-radius:.5rem;background:var(--card);
scroll-margin-top:1rem}
.wide{grid-column:1/-1}
.card:target{outline:3px solid var(--link)}
.about{margin-top:.5rem;font-size:.92rem;overflow-wrap:anywhere}
.number,.badge{display:inline-block;border-radius:1rem;padding:0 .5rem;background:var(--kind);
color:var(--ground)}
.badge{background:none;border:1px solid var(--kind);color:var(--kind);font-size:.82rem}
.halo{stroke:#000a;stroke-width:6;fill:none}.line{stroke-width:3;fill:none}
.dash{stroke-dasharray:9 6}
.c-mole{stroke:#4cc9f0}.c-good{stroke:#5ee27a}.c-unsure{stroke:#ffb000}.c-gone{stroke:#fff}
.c-truth{stroke:#00a0ff}
footer{margin-top:2.5rem;border-top:1px solid var(--line)}
@media print{section{content-visibility:visible}.filters,nav{display:none}}
"""
