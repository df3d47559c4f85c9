//! SIGTERM: others hear of the end before it comes, and meanwhile nobody is turned away.

use super::client::Client;
use super::program::{Pair, Program};

const READY: &str = "GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_server_says_so_and_serves_until_its_delay_is_over() {
    let pair = Pair::new();
    // Longer than the test: the second signal ends it.
    let mut program = Program::start(&pair, &["--drain-delay", "600"]);
    let mut kept = Client::connect(program.address, &pair.chain).await.unwrap();
    assert!(kept.ask(READY).await.starts_with("HTTP/1.1 200 "));
    program.terminate();
    assert_eq!(program.wait_for("stopping")["acceptingForSeconds"], 600);
    let shown = kept.ask(READY).await;
    assert!(shown.starts_with("HTTP/1.1 503 ") && shown.contains("the server is stopping"), "{shown}");
    // Whoever has not heard of it yet is served as before.
    assert!(kept.review().await.contains("\"allowed\":true"));
    let mut late = Client::connect(program.address, &pair.chain).await.unwrap();
    assert!(late.review().await.contains("\"allowed\":true"));

    program.terminate();
    program.wait_for("stopped");
    let status = program.process.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(Client::connect(program.address, &pair.chain).await.is_err());
}
