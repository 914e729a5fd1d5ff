"""What a surge drill runs in containers of Mastodon's own image: the rest of the world, and a crowd.

Plain Ruby and Mastodon's own API, because that image is the only one that is there for certain.
"""

from __future__ import annotations

from typing import Final

WORLD: Final = r"""
# A mail server and other servers' inboxes: both take their time to answer, as real ones do.
require 'json'
require 'socket'

WAIT = Float(ENV.fetch('DRILL_WAIT'))
$stdout.sync = true
MAILS, DELIVERED, LOCK = {}, Hash.new(0), Mutex.new

def mail(socket)
  socket.print "220 drill\r\n"
  to = nil
  while (word = socket.gets)
    case word
    when /\ARCPT TO:\s*<([^>]+)>/i
      to = Regexp.last_match(1)
      socket.print "250 drill\r\n"
    when /\ADATA/i
      socket.print "354 go on\r\n"
      while (text = socket.gets) && text.chomp != '.'
      end
      sleep WAIT
      LOCK.synchronize { MAILS[to] ||= Time.now.to_f }
      socket.print "250 taken\r\n"
    when /\AQUIT/i
      socket.print "221 bye\r\n"
      break
    else
      socket.print "250 drill\r\n"
    end
  end
end

def inbox(first, socket)
  size = 0
  while (header = socket.gets) && header != "\r\n"
    size = header[/\d+/].to_i if header =~ /\Acontent-length:/i
  end
  socket.read(size) if size.positive?
  path = first.to_s.split[1].to_s
  body = ''
  if path == '/seen'
    body = LOCK.synchronize { JSON.generate('mails' => MAILS, 'delivered' => DELIVERED.size) }
  else
    sleep WAIT
    LOCK.synchronize { DELIVERED[path] += 1 }
  end
  socket.print "HTTP/1.1 200 OK\r\nContent-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}"
end

servers = { 1025 => ->(socket) { mail(socket) }, 8080 => ->(socket) { inbox(socket.gets, socket) } }
servers.map do |port, talk|
  server = TCPServer.new('0.0.0.0', port)
  Thread.new do
    loop do
      Thread.new(server.accept) do |socket|
        talk.call(socket)
      rescue SystemCallError, IOError
        nil
      ensure
        socket.close
      end
    end
  end
end.each(&:join)
"""

CROWD: Final = r"""
# People who sign up as fast as they are answered, beside a steady flow of deliveries to other servers.
require 'json'
require 'net/http'
require 'securerandom'
require 'sidekiq/api'

SECONDS, PEOPLE, RATE = %w(SECONDS PEOPLE DELIVERIES).map { |name| Integer(ENV.fetch("DRILL_#{name}")) }
SITE = ENV.fetch('LOCAL_DOMAIN')
LAST_MAIL = 60
ROTATE = 150

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
def stranger = "2001:db8:#{SecureRandom.hex(2)}:#{SecureRandom.hex(2)}::1"

def post(path, form, token = nil)
  request = Net::HTTP::Post.new(path)
  request['Host'] = SITE
  request['X-Forwarded-Proto'] = 'https'
  request['X-Forwarded-For'] = stranger
  request['Authorization'] = "Bearer #{token}" if token
  request.set_form_data(form)
  Net::HTTP.start('web', 3000, read_timeout: 60) { |http| http.request(request) }
end

def token
  app = JSON.parse(post('/api/v1/apps', client_name: 'drill', redirect_uris: 'urn:ietf:wg:oauth:2.0:oob',
                                        scopes: 'read write').body)
  asked = { grant_type: 'client_credentials', scope: 'read write', redirect_uri: 'urn:ietf:wg:oauth:2.0:oob',
            client_id: app['client_id'], client_secret: app['client_secret'] }
  JSON.parse(post('/oauth/token', asked).body).fetch('access_token')
end

deadline = now + 240
begin
  Net::HTTP.start('web', 3000, open_timeout: 2, read_timeout: 20) { |http| http.get('/health').value }
rescue StandardError
  raise if now > deadline
  sleep 1
  retry
end

accepted, refused, lock = {}, Hash.new(0), Mutex.new
sign_up = lambda do |key|
  name = "p#{SecureRandom.hex(8)}"
  mail = "#{name}@people.example"
  began, at = now, Time.now.to_f
  answer = post('/api/v1/accounts', { username: name, email: mail, password: SecureRandom.hex(12),
                                      agreement: 'true', locale: 'en' }, key)
  lock.synchronize do
    next accepted[mail] = [at, now - began] if answer.code == '200'

    refused["#{answer.code} #{answer.body}"[0, 200]] += 1
  end
rescue SystemCallError, IOError, Timeout::Error => error
  lock.synchronize { refused[error.class.name] += 1 }
end

sign_up.call(token)
raise "nobody can sign up: #{refused.keys.first}" if accepted.empty?
accepted.clear
sender = Account.where(domain: nil).order(:id).last.id
finish, sent, late = now + SECONDS, 0, Hash.new(0.0)
people = Array.new(PEOPLE) do
  Thread.new do
    key, used = token, 0
    while now < finish
      key, used = token, 0 if (used += 1) > ROTATE
      sign_up.call(key)
    end
  end
end
began = now
while now < finish
  due = ((now - began) * RATE).to_i - sent
  if due.positive?
    jobs = Array.new(due) { |each| ['{"type":"Note"}', sender, "http://world:8080/#{sent + each}"] }
    Sidekiq::Client.push_bulk('class' => 'ActivityPub::DeliveryWorker', 'queue' => 'push', 'args' => jobs)
    sent += due
  end
  %w(default mailers push).each { |name| late[name] = [late[name], Sidekiq::Queue.new(name).latency].max }
  sleep 1
end
people.each(&:join)
took = now - began
ended, seen = Time.now.to_f, {}
loop do
  seen = JSON.parse(Net::HTTP.get(URI('http://world:8080/seen')))
  break if Time.now.to_f - ended > LAST_MAIL || (accepted.keys - seen['mails'].keys).empty?
  sleep 1
end
waits = accepted.filter_map { |mail, (at, _)| seen['mails'][mail] && (seen['mails'][mail] - at) }
# A log keeps no long lines: a few hundred values say as much.
few = ->(values) { values.sort.each_slice([values.size / 200, 1].max).map { |some| some.last.round(3) } }
result = { seconds: took, accepted: accepted.size, refused: refused.first(5).to_h, mails: few[waits],
           answers: few[accepted.values.map(&:last)], out: waits.size,
           mailed: seen['mails'].count { |mail, at| accepted.key?(mail) && at <= ended },
           sent: sent, delivered: seen['delivered'], late: late }
puts "instancectl: #{JSON.generate(result)}"
"""
