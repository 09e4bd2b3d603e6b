//! Files as the usual tools write them.

use std::fs;
use std::time::Instant;

use super::*;

fn made(format: &str, texts: &[&str]) -> Made {
    let folder = tempfile::tempdir().expect("as the test says");
    let files: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let name = format!("r{index}");
            let path = folder.path().join(&name);
            fs::write(&path, text).expect("as the test says");
            (name, path)
        })
        .collect();
    read("unit", format, &files)
}

/// `prefix name STATUS nanoseconds message`, a line each.
fn told(made: &Made) -> Vec<String> {
    made.report
        .test_cases
        .iter()
        .map(|case| {
            format!(
                "{} | {} | {} | {} | {}",
                case.prefix.as_deref().unwrap_or("-"),
                case.name,
                case.status.as_str(),
                case.duration_in_nano_seconds,
                case.message.as_deref().unwrap_or("-").replace('\n', "~"),
            )
        })
        .collect()
}

/// `path lines covered/missed branches covered/missed`, a line each; the totals last.
fn covered(made: &Made) -> Vec<String> {
    let total = made.report.code_coverage_summary.iter();
    made.report
        .files
        .iter()
        .chain(total)
        .map(|file| {
            format!(
                "{} {}/{} {}/{} {}%",
                file.file_path.as_deref().unwrap_or("all"),
                file.lines_covered,
                file.lines_missed,
                file.branches_covered,
                file.branches_missed,
                file.line_coverage_percentage,
            )
        })
        .collect()
}

const JUNIT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="all" tests="5">
  <testsuite name="com.example.CartTest" tests="5" failures="1" errors="1" skipped="1" time="1,234.5">
    <properties><property name="java.version" value="21"/></properties>
    <testcase name="adds" classname="com.example.CartTest" time="0.012"/>
    <testcase name="fails &quot;badly&quot; &lt;1&gt;" classname="com.example.CartTest" time="1.5">
      <failure message="expected: 1 &amp; was: 2" type="AssertionError"><![CDATA[AssertionError: expected
	at CartTest.java:9]]></failure>
      <system-out>noise</system-out>
    </testcase>
    <testcase name="explodes" classname="com.example.CartTest"><error message="boom" type="NPE">boom
 at X</error></testcase>
    <testcase name="later" classname="com.example.CartTest"><skipped/></testcase>
    <testsuite name="nested"><testcase name="inner" class="nested"/></testsuite>
  </testsuite>
</testsuites>"#;

#[test]
fn junit() {
    let made = made("JUNITXML", &[JUNIT]);
    assert_eq!(
        told(&made),
        [
            "com.example.CartTest | fails \"badly\" <1> | FAILED | 1500000000 | expected: 1 & was: 2~AssertionError: expected~\tat CartTest.java:9",
            "com.example.CartTest | explodes | ERROR | 0 | boom~ at X",
            "com.example.CartTest | adds | SUCCEEDED | 12000000 | -",
            "com.example.CartTest | later | SKIPPED | 0 | -",
            "nested | inner | SUCCEEDED | 0 | -",
        ]
    );
    let report = &made.report;
    assert_eq!(report.status, ReportStatus::Failed);
    assert_eq!(report.kind, ReportType::Test);
    let summary = report.test_summary.as_ref().expect("as the test says");
    assert_eq!(summary.total, 5);
    let counts: Vec<_> = summary
        .status_counts
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    assert_eq!(counts, ["ERROR=1", "FAILED=1", "SKIPPED=1", "SUCCEEDED=2"]);
    assert_eq!(summary.duration_in_nano_seconds, 1_512_000_000);
    assert_eq!(
        report.test_cases[4].test_suite_name.as_deref(),
        Some("nested")
    );
    assert_eq!(
        report.test_cases[0].test_raw_data_path.as_deref(),
        Some("r0")
    );
}

#[test]
fn junit_of_pytest_has_several_outcomes_in_one_test() {
    let text = r#"<testsuites><testsuite name="pytest" errors="1" failures="1" tests="1">
<testcase classname="tests.test_a" name="test_x[1-2]" time="0.001"><failure message="assert 1 == 2">def test_x</failure><error message="failed on teardown">trace</error></testcase></testsuite></testsuites>"#;
    assert_eq!(
        told(&made("JUNITXML", &[text])),
        ["tests.test_a | test_x[1-2] | FAILED | 1000000 | assert 1 == 2~def test_x"]
    );
}

#[test]
fn testng() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<testng-results ignored="0" total="3" passed="1" failed="1" skipped="1">
  <suite started-at="2024-01-01T00:00:00Z" name="Surefire suite" duration-ms="7">
    <test name="Surefire test"><class name="com.example.T">
      <test-method is-config="true" signature="setUp()" name="setUp" duration-ms="1" status="PASS"/>
      <test-method signature="ok()" name="ok" duration-ms="4" status="PASS"><reporter-output/></test-method>
      <test-method signature="bad()" name="bad" duration-ms="2" status="FAIL">
        <exception class="java.lang.AssertionError">
          <message><![CDATA[expected [1] but found [2]]]></message>
          <full-stacktrace><![CDATA[java.lang.AssertionError: at T.bad]]></full-stacktrace>
        </exception>
      </test-method>
      <test-method signature="no()" name="no" duration-ms="0" status="SKIP"/>
    </class></test>
  </suite>
</testng-results>"#;
    assert_eq!(
        told(&made("TESTNGXML", &[text])),
        [
            "com.example.T | bad | FAILED | 2000000 | expected [1] but found [2]~java.lang.AssertionError: at T.bad",
            "com.example.T | ok | SUCCEEDED | 4000000 | -",
            "com.example.T | no | SKIPPED | 0 | -",
        ]
    );
}

#[test]
fn nunit_2() {
    let text = r#"<?xml version="1.0" encoding="utf-8"?>
<test-results name="a.dll" total="4" errors="0" failures="1">
  <test-suite type="Assembly" name="a.dll"><results>
    <test-suite type="TestFixture" name="Fixture"><results>
      <test-case name="N.Fixture.Ok" executed="True" result="Success" success="True" time="0.016"/>
      <test-case name="N.Fixture.Bad(1.5,&quot;x.y&quot;)" executed="True" result="Failure" success="False" time="0.5">
        <failure><message><![CDATA[Expected: 1]]></message><stack-trace><![CDATA[at N.Fixture]]></stack-trace></failure></test-case>
      <test-case name="N.Fixture.Off" executed="False" result="Ignored"><reason><message><![CDATA[not now]]></message></reason></test-case>
      <test-case name="N.Fixture.Odd" executed="True" result="Inconclusive"/>
    </results></test-suite></results></test-suite>
</test-results>"#;
    assert_eq!(
        told(&made("NUNITXML", &[text])),
        [
            "N.Fixture | Bad(1.5,\"x.y\") | FAILED | 500000000 | Expected: 1~at N.Fixture",
            "N.Fixture | Ok | SUCCEEDED | 16000000 | -",
            "N.Fixture | Off | SKIPPED | 0 | not now",
            "N.Fixture | Odd | UNKNOWN | 0 | -",
        ]
    );
}

#[test]
fn nunit_3() {
    let text = r#"<test-run id="2" testcasecount="3" result="Failed">
  <test-suite type="TestFixture" name="Fixture" fullname="N.Fixture">
    <test-case id="1" name="Ok" fullname="N.Fixture.Ok" methodname="Ok" classname="N.Fixture" result="Passed" duration="0.002"/>
    <test-case id="2" name="Bad" fullname="N.Fixture.Bad" classname="N.Fixture" result="Failed" duration="0.1"><failure><message><![CDATA[no]]></message></failure></test-case>
    <test-case id="3" name="Threw" fullname="N.Fixture.Threw" result="Failed" label="Error"><failure><message>boom</message></failure></test-case>
  </test-suite>
</test-run>"#;
    assert_eq!(
        told(&made("NUNIT3XML", &[text])),
        [
            "N.Fixture | Bad | FAILED | 100000000 | no",
            "N.Fixture | Threw | ERROR | 0 | boom",
            "N.Fixture | Ok | SUCCEEDED | 2000000 | -",
        ]
    );
}

#[test]
fn visual_studio() {
    let text = "\u{feff}".to_owned()
        + r#"<?xml version="1.0" encoding="utf-8"?>
<TestRun id="1" xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">
  <Results>
    <UnitTestResult testId="a" testName="Adds" outcome="Passed" duration="00:01:00.5000000"/>
    <UnitTestResult testId="b" testName="Example.Tests.Fails" outcome="Failed" duration="00:00:00.0010000">
      <Output><StdOut>noise</StdOut><ErrorInfo><Message>Assert.Equal</Message><StackTrace>at b</StackTrace></ErrorInfo></Output>
    </UnitTestResult>
    <UnitTestResult testId="c" testName="Skipped" outcome="NotExecuted"/>
    <UnitTestResult testId="d" testName="Other.Place.Slow" outcome="Timeout"/>
  </Results>
  <TestDefinitions>
    <UnitTest name="Adds" id="a"><TestMethod className="Example.Tests, Example, Version=1.0.0.0" name="Adds"/></UnitTest>
    <UnitTest name="Fails" id="b"><TestMethod className="Example.Tests" name="Fails"/></UnitTest>
    <UnitTest name="Skipped" id="c"><TestMethod className="Example.Tests" name="Skipped"/></UnitTest>
  </TestDefinitions>
</TestRun>"#;
    assert_eq!(
        told(&made("VISUALSTUDIOTRX", &[&text])),
        [
            "Example.Tests | Fails | FAILED | 1000000 | Assert.Equal~at b",
            "Other.Place | Slow | ERROR | 0 | -",
            "Example.Tests | Adds | SUCCEEDED | 60500000000 | -",
            "Example.Tests | Skipped | SKIPPED | 0 | -",
        ]
    );
}

#[test]
fn cucumber() {
    let text = r#"[{"uri":"features/cart.feature","id":"cart","name":"Cart","elements":[
      {"type":"background","name":"","steps":[{"keyword":"Given ","name":"a shop","result":{"status":"passed","duration":1000}}]},
      {"type":"scenario","name":"adds","steps":[{"keyword":"When ","name":"I add","result":{"status":"passed","duration":2000}}]},
      {"type":"scenario","name":"fails","before":[{"result":{"status":"passed"}}],"steps":[
        {"keyword":"When ","name":"I add","result":{"status":"failed","duration":5,"error_message":"expected 1"}},
        {"keyword":"Then ","name":"never","result":{"status":"skipped"}}]},
      {"type":"scenario","name":"unknown","steps":[{"keyword":"When ","name":"nobody knows","result":{"status":"undefined"}}]},
      {"type":"scenario","name":"waits","steps":[{"keyword":"When ","name":"later","result":{"status":"pending"}}]}]}]"#;
    assert_eq!(
        told(&made("CUCUMBERJSON", &[text])),
        [
            "Cart | fails | FAILED | 5 | When I add: expected 1",
            "Cart | unknown | ERROR | 0 | no step is defined for: nobody knows",
            "Cart | adds | SUCCEEDED | 3000 | -",
            "Cart | waits | SKIPPED | 0 | -",
        ]
    );
}

#[test]
fn clover() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<coverage generated="1" clover="3.2.0"><project timestamp="1" name="All files">
  <metrics statements="4" coveredstatements="3" conditionals="2" coveredconditionals="1"/>
  <package name="src"><file name="a.ts" path="/w/src/a.ts">
    <metrics statements="3" coveredstatements="2" conditionals="2" coveredconditionals="1"/>
    <line num="1" count="1" type="stmt"/>
    <line num="2" count="1" type="cond" truecount="1" falsecount="0"/>
    <line num="3" count="0" type="stmt"/>
  </file></package>
  <file name="b.ts"><metrics statements="5" coveredstatements="5" conditionals="0" coveredconditionals="0"/></file>
</project></coverage>"#;
    let made = made("CLOVERXML", &[text]);
    assert_eq!(
        covered(&made),
        [
            "/w/src/a.ts 2/1 1/1 66.67%",
            "b.ts 5/0 0/0 100%",
            "all 7/1 1/1 87.5%"
        ]
    );
    assert_eq!(made.report.status, ReportStatus::Succeeded);
    assert_eq!(made.report.kind, ReportType::CodeCoverage);
    assert!(made.report.test_summary.is_none());
}

#[test]
fn cobertura() {
    let text = r#"<?xml version="1.0" ?>
<!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'>
<coverage line-rate="0.5" branch-rate="0.5" version="7"><sources><source>/w</source></sources>
 <packages><package name="p"><classes>
  <class name="A" filename="p/a.py"><methods><method name="f"><lines><line number="2" hits="1"/></lines></method></methods>
    <lines><line number="1" hits="1"/><line number="2" hits="1" branch="true" condition-coverage="50% (1/2)"/><line number="3" hits="0"/></lines></class>
  <class name="A.B" filename="p/a.py"><methods/><lines><line number="3" hits="4"/></lines></class>
  <class name="C" filename="p/c.py"><methods/><lines><line number="1" hits="0"/></lines></class>
 </classes></package></packages></coverage>"#;
    assert_eq!(
        covered(&made("COBERTURAXML", &[text])),
        [
            "p/c.py 0/1 0/0 0%",
            "p/a.py 3/0 1/1 100%",
            "all 3/1 1/1 75%"
        ]
    );
}

#[test]
fn jacoco() {
    let text = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd">
<report name="app"><sessioninfo id="x" start="1" dump="2"/>
 <group name="g"><package name="com/example">
  <class name="com/example/A" sourcefilename="A.java"><method name="a"><counter type="LINE" missed="9" covered="9"/></method><counter type="LINE" missed="9" covered="9"/></class>
  <sourcefile name="A.java"><line nr="3" mi="0" ci="2" mb="0" cb="0"/><counter type="INSTRUCTION" missed="1" covered="2"/><counter type="BRANCH" missed="1" covered="3"/><counter type="LINE" missed="2" covered="8"/></sourcefile>
  <counter type="LINE" missed="2" covered="8"/></package></group>
 <counter type="LINE" missed="2" covered="8"/></report>"#;
    assert_eq!(
        covered(&made("JACOCOXML", &[text])),
        ["com/example/A.java 8/2 3/1 80%", "all 8/2 3/1 80%"]
    );
}

#[test]
fn simplecov() {
    let text = r#"{"RSpec":{"coverage":{"/w/a.rb":{"lines":[1,null,0,3,"ignored"],"branches":{"[:if, 0, 1]":{"[:then, 1]":2,"[:else, 2]":0}}},"/w/b.rb":[null,0]},"timestamp":1},
      "Cucumber":{"coverage":{"/w/a.rb":{"lines":[0,null,5,0,null]}},"timestamp":2}}"#;
    assert_eq!(
        covered(&made("SIMPLECOV", &[text])),
        [
            "/w/b.rb 0/1 0/0 0%",
            "/w/a.rb 3/0 1/1 100%",
            "all 3/1 1/1 75%"
        ]
    );
    let text = r#"{"meta":{"simplecov_version":"0.22"},"coverage":{"/w/a.rb":{"lines":[1,0],"branches":[{"coverage":1},{"coverage":0}]}},"groups":{}}"#;
    assert_eq!(
        covered(&made("SIMPLECOV", &[text])),
        ["/w/a.rb 1/1 1/1 50%", "all 1/1 1/1 50%"]
    );
}

#[test]
fn several_files_are_one_report() {
    let one = r#"<testsuite name="a"><testcase name="x" time="1"/></testsuite>"#;
    let two = r#"<testsuite name="b"><testcase name="y" time="1"/></testsuite>"#;
    let made = made("JUNITXML", &[one, two]);
    assert_eq!(made.report.status, ReportStatus::Succeeded);
    assert_eq!(
        told(&made),
        [
            "- | x | SUCCEEDED | 1000000000 | -",
            "- | y | SUCCEEDED | 1000000000 | -"
        ]
    );
    assert!(made.notes.is_empty());
}

#[test]
fn what_cannot_be_read_is_a_note_and_an_incomplete_report() {
    let deep = "<testsuites>".to_owned() + &"<a>".repeat(5000);
    let cases = [
        ("JUNITXML", "", "it is empty"),
        ("JUNITXML", "not xml at all", "it is empty"),
        (
            "JUNITXML",
            "<html><body/></html>",
            "`<html>` is not what this format begins with",
        ),
        (
            "JUNITXML",
            "<testsuite><testcase name=\"a\">",
            "it ends before `</testcase>`",
        ),
        (
            "JUNITXML",
            "<testsuite></other>",
            "it is not well-formed XML",
        ),
        ("JUNITXML", &deep, "its elements stand more than 200 deep"),
        (
            "JACOCOXML",
            JUNIT,
            "`<testsuites>` is not what this format begins with",
        ),
        ("CUCUMBERJSON", "{", "it is not JSON"),
        ("CUCUMBERJSON", "{}", "it is not a list of features"),
        (
            "SIMPLECOV",
            "{\"a\": 1}",
            "nothing in it has a key `coverage`",
        ),
    ];
    for (format, text, expected) in cases {
        let made = made(format, &[text]);
        assert_eq!(
            made.report.status,
            ReportStatus::Incomplete,
            "{format} {text:.40}"
        );
        assert!(
            made.notes[0].contains(expected),
            "{:?} for {expected}",
            made.notes
        );
    }
    let made = read("unit", "JUNITXML", &[]);
    assert_eq!(made.report.status, ReportStatus::Incomplete);
    assert_eq!(made.notes, ["there is no file to read"]);
    let missing = read(
        "unit",
        "JUNITXML",
        &[("gone.xml".to_owned(), "/nonexistent/gone.xml".into())],
    );
    assert!(
        missing.notes[0].starts_with("gone.xml: "),
        "{:?}",
        missing.notes
    );
}

#[test]
fn a_file_that_is_damaged_does_not_hide_the_others() {
    let made = made("JUNITXML", &[JUNIT, "<testsuite>"]);
    assert_eq!(
        made.report
            .test_summary
            .as_ref()
            .expect("as the test says")
            .total,
        5
    );
    assert_eq!(made.report.status, ReportStatus::Incomplete);
    assert_eq!(made.notes.len(), 1);
}

#[test]
fn entities_are_not_expanded() {
    let mut text = String::from("<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY a \"ha\">");
    for level in 1..30 {
        let before = if level == 1 {
            "a".to_owned()
        } else {
            format!("a{}", level - 1)
        };
        text += &format!(
            "<!ENTITY a{level} \"{}\">",
            format!("&{before};").repeat(10)
        );
    }
    text += "<!ENTITY file SYSTEM \"file:///etc/passwd\">]><testsuite><testcase name=\"&a29;&file;\"><failure>&a29; &file; &#65;</failure></testcase></testsuite>";
    let before = Instant::now();
    let made = made("JUNITXML", &[&text]);
    assert!(before.elapsed().as_secs() < 2);
    assert_eq!(
        told(&made),
        ["- | &a29;&file; | FAILED | 0 | &a29; &file; A"]
    );
}

#[test]
fn of_very_many_tests_those_that_failed_are_kept() {
    let mut text = String::from("<testsuite>");
    for index in 0..2000 {
        text += &format!("<testcase name=\"t{index}\" time=\"0.001\">");
        if index % 500 == 499 {
            text += &format!("<failure>{}</failure>", "x".repeat(100_000));
        }
        text += "</testcase>";
    }
    text += "</testsuite>";
    let made = made("JUNITXML", &[&text]);
    let report = &made.report;
    assert_eq!(
        report
            .test_summary
            .as_ref()
            .expect("as the test says")
            .total,
        2000
    );
    assert_eq!(report.test_cases.len(), 500);
    assert!(report.truncated);
    let bad: Vec<_> = report
        .test_cases
        .iter()
        .take(5)
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(bad, ["t499", "t999", "t1499", "t1999", "t0"]);
    assert!(
        report.test_cases[0]
            .message
            .as_ref()
            .expect("as the test says")
            .len()
            < 20_000
    );
    assert_eq!(made.notes.len(), 1);
}

#[test]
fn no_damage_panics() {
    for (format, text) in [
        ("JUNITXML", JUNIT),
        (
            "CUCUMBERJSON",
            "[{\"elements\":[{\"steps\":[{\"result\":{}}]}]}]",
        ),
    ] {
        for cut in (0..text.len())
            .step_by(7)
            .filter(|at| text.is_char_boundary(*at))
        {
            let _ = made(format, &[&text[..cut]]);
            let _ = made(format, &[&text[cut..]]);
        }
    }
}
