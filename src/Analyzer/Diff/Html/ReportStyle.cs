namespace Replay.Analyzer.Diff.Html;

/// <summary>How the page looks, in light and in dark, on screen and on paper.</summary>
internal static class ReportStyle
{
    public const string Css =
        """
        :root { --ink:#1c1917; --soft:#57534e; --line:#e7e5e4; --paper:#fff; --card:#fafaf9; --a:#c2410c; --b:#1d4ed8; }
        @media (prefers-color-scheme: dark) {
          :root { --ink:#e7e5e4; --soft:#a8a29e; --line:#3a3734; --paper:#161412; --card:#1f1c1a; --a:#fb923c; --b:#7aa7ff; }
        }
        @media print { :root { --ink:#000; --soft:#444; --line:#ddd; --paper:#fff; --card:#fff; --a:#c2410c; --b:#1d4ed8; } section { break-inside: avoid; } }
        * { box-sizing: border-box; }
        body { margin:0 auto; padding:32px 24px 64px; max-width:1040px; background:var(--paper); color:var(--ink);
          font:15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
        h1 { font-size:28px; line-height:1.2; margin:0 0 4px; letter-spacing:-.01em; }
        h2 { font-size:18px; margin:40px 0 4px; }
        h3 { font-size:14px; margin:18px 0 2px; font-weight:600; }
        p { margin:6px 0; max-width:100ch; }
        .quiet, figcaption { color:var(--soft); font-size:13px; }
        .a-text { color:var(--a); } .b-text { color:var(--b); }
        .tiles { display:grid; grid-template-columns:repeat(auto-fit, minmax(180px, 1fr)); gap:12px; margin:24px 0 12px; }
        .tile { background:var(--card); border:1px solid var(--line); border-radius:8px; padding:12px 14px; }
        .tile b { display:block; font-size:13px; font-weight:600; color:var(--soft); }
        .tile .pair { display:flex; gap:14px; font-size:20px; font-weight:600; font-variant-numeric:tabular-nums; }
        .tile .pair span { white-space:nowrap; }
        .tile small { color:var(--soft); }
        .findings { list-style:none; padding:0; margin:16px 0; }
        .findings li { padding:8px 0 8px 14px; border-left:3px solid var(--line); margin:6px 0; }
        .findings li.good { border-color:#16a34a; } .findings li.bad { border-color:#dc2626; }
        figure { margin:10px 0 0; }
        svg { width:100%; height:auto; display:block; }
        svg.narrow { display:none; }
        svg .a { fill:var(--a); } svg .b { fill:var(--b); } svg .hit { fill:transparent; } svg g:hover .hit, svg a:hover .hit { fill:var(--line); }
        svg .grid { stroke:var(--line); } svg .axis { stroke:var(--soft); } svg .tick { fill:var(--soft); font-size:11px; }
        .scroll { overflow-x:auto; }
        table { border-collapse:collapse; width:100%; font-size:14px; margin:8px 0; }
        th { text-align:left; font-weight:600; color:var(--soft); font-size:13px; }
        th, td { padding:4px 10px 4px 0; border-bottom:1px solid var(--line); vertical-align:top; }
        .n { text-align:right; font-variant-numeric:tabular-nums; white-space:nowrap; }
        .bars { width:30%; min-width:140px; padding-right:0; }
        .bars i { display:block; height:6px; margin:3px 0; border-radius:1px; min-width:0; }
        i.a { background:var(--a); } i.b { background:var(--b); }
        code, pre { font:12.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
        .sides { display:grid; grid-template-columns:1fr 1fr; gap:16px; }
        @media (max-width:760px) { .sides { grid-template-columns:1fr; } }
        .side { background:var(--card); border:1px solid var(--line); border-top:3px solid var(--line); border-radius:6px; padding:10px 14px; min-width:0; }
        .side.a { border-top-color:var(--a); } .side.b { border-top-color:var(--b); }
        .side ul { margin:4px 0; padding-left:18px; font-size:13px; overflow-wrap:anywhere; }
        .hash { overflow-wrap:anywhere; }
        a { color:inherit; text-decoration-color:var(--soft); text-underline-offset:2px; }
        a.anchor { text-decoration:none; } a.anchor:hover::after { content:" #"; color:var(--soft); }
        nav { display:flex; flex-wrap:wrap; gap:2px 14px; margin:12px 0; font-size:13px; } nav .explorer { font-weight:600; }
        .links a { font-size:13px; margin-left:8px; }
        section, details { scroll-margin-top:8px; }
        details.page { border-top:1px solid var(--line); padding:6px 0; } details.page > summary { font-weight:600; cursor:pointer; }
        details.event { margin:4px 0 4px 14px; } details.event > summary { cursor:pointer; overflow-wrap:anywhere; } details.event > summary a { font-variant-numeric:tabular-nums; margin-right:6px; }
        details.event:target > summary { background:var(--card); box-shadow:-3px 0 var(--a); }
        .tree { font-size:12.5px; } .tree td { padding:1px 8px 1px 0; overflow-wrap:anywhere; } .tree tr.way td { font-weight:600; } .tree tr.new td { background:color-mix(in srgb, var(--b) 14%, transparent); }
        .side.a .tree tr.new td { background:color-mix(in srgb, var(--a) 14%, transparent); }
        @media (max-width:600px) {
          body { padding:20px 14px 48px; } h1 { font-size:22px; }
          svg.wide { display:none; } svg.narrow { display:block; }
          .tiles { grid-template-columns:1fr 1fr; } .tile .pair { font-size:17px; }
          table { font-size:13px; } th, td { padding-right:8px; } .bars { display:none; } td:first-child { overflow-wrap:anywhere; }
          .tree td:last-child { display:none; }
        }
        """;
}
