import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { create } from 'xmlbuilder2';
import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js';
import { type Deployment, deploymentCases } from './deployment.ts';
import { type CaseResult, casesOf, countCases, type TestResult } from './results.ts';
import { xmlText } from './xml-text.ts';

/** All that is said about one device in one file. */
export interface DeviceReport {
  device: string;
  /** Null: nothing was deployed in this run. */
  deployment: Deployment | null;
  tests: readonly TestResult[];
  /** Shown with the suite: commit, image, arch, lockDigest … */
  properties: Record<string, string>;
  /** By the agent's clock. */
  startedAt: Date;
}

/**
 * JUnit XML of one device, as Jenkins' junit plugin reads it. The device is in the suite's name and in every class name,
 * since suites of one name in a node are merged and cases are told apart by class and name alone; properties are at the
 * suite, the only place where they are read.
 */
export function junitXml(report: DeviceReport): string {
  const steps = report.deployment === null ? [] : deploymentCases(report.deployment);
  const tests = report.tests.flatMap(casesOf);
  const all = [...steps, ...tests];
  const document = create({ version: '1.0', encoding: 'UTF-8' });
  const suite = document.ele('testsuites').ele('testsuite', {
    name: xmlText(report.device),
    ...totals(all),
    timestamp: report.startedAt.toISOString().replace(/\.\d+Z$/, 'Z'),
    hostname: xmlText(report.device),
  });
  addProperties(suite, report.properties);
  for (const step of steps) addCase(suite, `${report.device}.deployment`, step);
  for (const test of tests) addCase(suite, `${report.device}.tests`, test);
  return `${document.end({ prettyPrint: true })}\n`;
}

/** Writes `<device>.xml` into a directory, under another name first: no reader meets half a file. */
export async function writeJunit(directory: string, report: DeviceReport): Promise<string> {
  const file = path.join(directory, `${report.device}.xml`);
  await mkdir(directory, { recursive: true });
  await writeFile(`${file}.tmp`, junitXml(report));
  await rename(`${file}.tmp`, file);
  return file;
}

function totals(cases: readonly CaseResult[]): Record<string, string> {
  const errors = cases.filter(({ status }) => status === 'error').length;
  const { tests, failed, skipped } = countCases(cases);
  return {
    tests: String(tests),
    failures: String(failed - errors),
    errors: String(errors),
    skipped: String(skipped),
    time: seconds(cases.reduce((sum, { ms }) => sum + ms, 0)),
  };
}

function addProperties(suite: XMLBuilder, properties: Record<string, string>): void {
  const parent = suite.ele('properties');
  for (const [name, value] of Object.entries(properties)) parent.ele('property', { name, value: xmlText(value) });
}

function addCase(suite: XMLBuilder, className: string, result: CaseResult): void {
  const { name, status, ms, output } = result;
  const element = suite.ele('testcase', {
    name: xmlText(name),
    classname: xmlText(className),
    time: seconds(ms),
  });
  const message = xmlText(result.message ?? '');
  if (status === 'skipped') element.ele('skipped', { message });
  if (status === 'failed') element.ele('failure', { message }).txt(xmlText(`${message}\n${lastLines(output)}`));
  if (status === 'error') element.ele('error', { message }).txt(xmlText(`${message}\n${lastLines(output)}`));
  const said = status === 'passed' && message !== '' ? `${message}\n${output}` : output;
  if (said !== '') element.ele('system-out').txt(xmlText(said));
}

/** What Jenkins shows as the failure itself; the whole of it is in system-out. */
function lastLines(output: string): string {
  return output.trimEnd().split('\n').slice(-20).join('\n').slice(-4000);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
