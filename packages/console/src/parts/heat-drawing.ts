import type { Metric } from "../model/address.ts";
import type { HeatMap, HeatPlace, HeatRow } from "../model/heat.ts";
import { cellValue, hasErrorGlyph, secondsOf } from "../model/heat.ts";
import type { HeatLayout, MarkPlace } from "../model/heat-layout.ts";
import { heights, ticksOf } from "../model/heat-layout.ts";
import type { Scale } from "../model/scale.ts";
import { stepOf } from "../model/scale.ts";
import type { Colors } from "./colors.ts";

/** What is drawn. Sizes are in CSS pixels. */
export interface HeatDrawing {
  readonly map: HeatMap;
  readonly layout: HeatLayout;
  readonly metric: Metric;
  readonly scale: Scale;
  readonly marks: readonly MarkPlace[];
  readonly cursor: HeatPlace | undefined;
  readonly width: number;
  readonly colors: Colors;
  readonly font: string;
  readonly time: (atMs: number) => string;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Draws the map over the whole canvas, whose context is scaled to CSS pixels already. */
export function drawHeat(context: CanvasRenderingContext2D, drawing: HeatDrawing): void {
  const { layout, width } = drawing;
  context.clearRect(0, 0, width, layout.height + heights.axis);
  for (const line of layout.lines) if (line.kind === "row") drawRow(context, drawing, { row: line.row, top: line.top });
  for (const { x } of drawing.marks) drawMark(context, drawing, x);
  drawAxis(context, drawing);
  drawCursor(context, drawing);
}

function drawRow(context: CanvasRenderingContext2D, drawing: HeatDrawing, line: { readonly row: HeatRow; readonly top: number }): void {
  const { map, metric, scale, colors } = drawing;
  const palette = colors[metric];
  line.row.cells.forEach((cell, column) => {
    if (!cell) return;
    const box = boxOf(drawing, column, line.top);
    const value = cellValue(cell, metric, secondsOf(map, column));
    const step = value === undefined ? 0 : stepOf(scale, value);
    if (cell.requests === 0 && isAfterEnd(line.row, map, column)) return drawGone(context, colors, box);
    context.fillStyle = palette[step] ?? colors.surface;
    context.fillRect(box.x, box.y, box.width, box.height);
    if (hasErrorGlyph(cell, metric)) drawErrorGlyph(context, box, step > 3 ? colors.glyphHigh : colors.glyphLow);
  });
}

/** Whether an instance was gone before the column began. */
function isAfterEnd(row: HeatRow, map: HeatMap, column: number): boolean {
  return row.gone && row.lastHeardAtMs > 0 && (map.fromMs[column] ?? 0) > row.lastHeardAtMs;
}

function boxOf(drawing: HeatDrawing, column: number, top: number): Box {
  const columns = drawing.map.fromMs.length;
  const left = Math.round((column / columns) * drawing.width);
  const right = Math.round(((column + 1) / columns) * drawing.width);
  return { x: left, y: top + 1, width: Math.max(1, right - left - 1), height: heights.row - 2 };
}

/** A cross where there is room for one, else a bar at the foot: errors are seen without colour. */
function drawErrorGlyph(context: CanvasRenderingContext2D, box: Box, color: string): void {
  const size = 2.5;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  context.strokeStyle = color;
  context.fillStyle = color;
  if (box.width < 7) {
    context.fillRect(box.x, box.y + box.height - 4, box.width, 3);
    return;
  }
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x - size, y - size);
  context.lineTo(x + size, y + size);
  context.moveTo(x + size, y - size);
  context.lineTo(x - size, y + size);
  context.stroke();
}

/** A thin line in the middle: there is nobody any more. */
function drawGone(context: CanvasRenderingContext2D, colors: Colors, box: Box): void {
  context.fillStyle = colors.line;
  context.fillRect(box.x, box.y + box.height / 2 - 0.5, box.width + 1, 1);
}

function drawMark(context: CanvasRenderingContext2D, drawing: HeatDrawing, x: number): void {
  context.fillStyle = drawing.colors.surface;
  context.fillRect(Math.round(x) - 1.5, 0, 4, drawing.layout.height);
  context.fillStyle = drawing.colors.ink;
  context.fillRect(Math.round(x), 0, 1, drawing.layout.height);
}

function drawAxis(context: CanvasRenderingContext2D, drawing: HeatDrawing): void {
  context.fillStyle = drawing.colors.faint;
  context.font = drawing.font;
  context.textBaseline = "top";
  for (const tick of ticksOf(drawing.map, { width: drawing.width, spacing: 84 })) {
    const text = drawing.time(tick.atMs);
    const half = context.measureText(text).width / 2;
    if (tick.x - half < 0 || tick.x + half > drawing.width) continue;
    context.fillText(text, tick.x - half, drawing.layout.height + 6);
  }
}

function drawCursor(context: CanvasRenderingContext2D, drawing: HeatDrawing): void {
  const { cursor, layout, colors } = drawing;
  const line = layout.lines.find((one) => one.kind === "row" && one.index === cursor?.row);
  if (!cursor || !line) return;
  const box = boxOf(drawing, cursor.column, line.top);
  context.strokeStyle = colors.surface;
  context.lineWidth = 3;
  context.strokeRect(box.x - 1, box.y - 1, box.width + 2, box.height + 2);
  context.strokeStyle = colors.focus;
  context.lineWidth = 1.5;
  context.strokeRect(box.x - 1, box.y - 1, box.width + 2, box.height + 2);
}
