/* The only file that knows ECharts. Loaded lazily; only the used chart kinds are in the bundle. */
import { BarChart, LineChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import { init, use, type EChartsType } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([LineChart, BarChart, GridComponent, TooltipComponent, LegendComponent, AriaComponent, SVGRenderer]);

export interface ChartSeries {
  name: string;
  points: [number | string, number][];
  colour?: string;
}

export interface ChartData {
  /* lines and columns have a time axis; bars are horizontal, one per name */
  kind: 'lines' | 'columns' | 'bars';
  series: ChartSeries[];
  time?: (ms: number) => string;
  label: string;
}

function token(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

function seriesOption(data: ChartData, series: ChartSeries) {
  const common = { name: series.name, itemStyle: series.colour ? { color: series.colour } : undefined, animation: false };
  if (data.kind === 'lines') {
    return { ...common, type: 'line' as const, data: series.points, showSymbol: series.points.length < 40, symbolSize: 5, lineStyle: { width: 2 } };
  }
  if (data.kind === 'columns') return { ...common, type: 'bar' as const, data: series.points, stack: 'all', barMaxWidth: 28 };
  return { ...common, type: 'bar' as const, data: series.points.map(([name, value]) => [value, name]), barMaxWidth: 18 };
}

function option(element: Element, data: ChartData) {
  const text = { color: token(element, '--ink-2'), fontFamily: token(element, '--font'), fontSize: 12 };
  const line = { lineStyle: { color: token(element, '--line') } };
  const value = { type: 'value' as const, axisLabel: text, splitLine: line, minInterval: 1 };
  const { time } = data;
  const timeAxis = { type: 'time' as const, axisLabel: { ...text, hideOverlap: true, formatter: (ms: number) => (time ? time(ms) : String(ms)) }, axisLine: line, axisTick: line };
  const names = { type: 'category' as const, inverse: true, axisLabel: { ...text, width: 220, overflow: 'truncate' as const }, axisLine: line, axisTick: { show: false } };
  return {
    color: token(element, '--series').split(',').map((colour) => colour.trim()),
    textStyle: text,
    aria: { enabled: true, label: { description: data.label } },
    grid: { left: 8, right: 24, top: data.series.length > 1 ? 40 : 12, bottom: 8, containLabel: true },
    legend: data.series.length > 1 ? { type: 'plain' as const, top: 0, left: 0, textStyle: text, itemWidth: 14, itemHeight: 8 } : undefined,
    // richText draws the tooltip as SVG: no HTML from data, no inline style attributes.
    tooltip: {
      trigger: 'axis' as const, renderMode: 'richText' as const, confine: true,
      backgroundColor: token(element, '--surface'), borderColor: token(element, '--line'), textStyle: { ...text, color: token(element, '--ink') },
      axisPointer: { type: data.kind === 'lines' ? ('line' as const) : ('shadow' as const) }
    },
    xAxis: data.kind === 'bars' ? value : timeAxis,
    yAxis: data.kind === 'bars' ? { ...names, data: data.series[0]?.points.map(([name]) => String(name)) ?? [] } : value,
    series: data.series.map((series) => seriesOption(data, series))
  };
}

export class Chart {
  private readonly chart: EChartsType;
  private readonly observer: ResizeObserver;

  constructor(private readonly element: HTMLElement) {
    this.chart = init(element, undefined, { renderer: 'svg' });
    this.observer = new ResizeObserver(() => this.chart.resize());
    this.observer.observe(element);
  }

  draw(data: ChartData): void {
    this.chart.setOption(option(this.element, data), { notMerge: true });
  }

  destroy(): void {
    this.observer.disconnect();
    this.chart.dispose();
  }
}
