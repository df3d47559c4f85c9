//! An apiserver that answers what a test tells it to, when the test tells it to.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub(crate) struct Apiserver {
    pub(crate) client: kube::Client,
    requests: mpsc::UnboundedReceiver<Question>,
}

/// A request that waits for its answer.
pub(crate) struct Question {
    /// Method and path.
    pub(crate) line: String,
    stream: BufReader<TcpStream>,
}

impl Apiserver {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (stream, _) = socket.accept().await.unwrap();
                let sender = sender.clone();
                tokio::spawn(async move {
                    if let Some(question) = read(stream).await {
                        let _ = sender.send(question);
                    }
                });
            }
        });
        let config = kube::Config::new(url.parse().unwrap());
        Self { client: kube::Client::try_from(config).unwrap(), requests }
    }

    /// What is asked next.
    pub(crate) async fn next(&mut self) -> Question {
        self.requests.recv().await.unwrap()
    }
}

/// The head of a request; those of this test have no body.
async fn read(stream: TcpStream) -> Option<Question> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let line = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
    Some(Question { line, stream })
}

impl Question {
    /// Answers, and closes the connection.
    pub(crate) async fn answer(mut self, status: &str, body: &serde_json::Value) {
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        self.stream.get_mut().write_all((head + &body).as_bytes()).await.unwrap();
    }
}
